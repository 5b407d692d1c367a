"""SM2 with SM3 for tests only: slow, not constant-time, with the random number of the published example.

Written from GB/T 32918.2-2016; curve, keys and random number from GB/T 32918.5-2017.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SM3, Hash

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
PRIVATE = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
RANDOM = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
IDENTITY = b"1234567812345678"

Point = tuple[int, int] | None


def add(p: Point, q: Point) -> Point:
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0] and (p[1] + q[1]) % P == 0:
        return None
    slope = (
        (3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P) if p == q else (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    ) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def multiply(k: int, p: Point) -> Point:
    result: Point = None
    while k:
        if k & 1:
            result = add(result, p)
        p = add(p, p)
        k >>= 1
    return result


def encode(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


_public = multiply(PRIVATE, G)
assert _public is not None
PUBLIC_KEY = b"\x04" + encode(*_public)


def sm3(data: bytes) -> bytes:
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()


def digest_number(public_key: bytes, message: bytes) -> int:
    head = len(IDENTITY * 8).to_bytes(2, "big") + IDENTITY
    z = sm3(head + encode(A, B, *G) + public_key[1:])
    return int.from_bytes(sm3(z + message), "big")


def sign(message: bytes) -> bytes:
    point = multiply(RANDOM, G)
    assert point is not None
    r = (digest_number(PUBLIC_KEY, message) + point[0]) % N
    return encode(r, pow(1 + PRIVATE, -1, N) * (RANDOM - r * PRIVATE) % N)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % N
    if len(signature) != 64 or not (0 < r < N and 0 < s < N and t):
        return False
    key = int.from_bytes(public_key[1:33], "big"), int.from_bytes(public_key[33:], "big")
    point = add(multiply(s, G), multiply(t, key))
    return point is not None and (digest_number(public_key, message) + point[0]) % N == r
