// Command check verifies a tiled log written by qingjian.ledger with third-party code:
// golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog.
//
// It reads a task as JSON on standard input and writes what it found as JSON.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type task struct {
	Folder      string
	VerifierKey string
	Inclusion   []struct {
		Index int64
		Path  []string
	}
	Consistency []struct {
		Old     int64
		OldRoot string
		Path    []string
	}
	SignerKey string
	Text      string
}

type report struct {
	Origin      string
	Size        int64
	Verified    int
	Unverified  int
	Entries     int
	Inclusion   int
	Consistency int
	Note        string
	NoteKey     string
	Resigned    string
}

func must(err error, doing string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", doing, err)
		os.Exit(1)
	}
}

// readWide reads a tile, or the full tile in its place, as tlog-tiles lets clients do.
func readWide(folder, path string) ([]byte, bool, error) {
	data, err := os.ReadFile(filepath.Join(folder, path))
	if err == nil {
		return data, false, nil
	}
	if cut := strings.Index(path, ".p/"); cut >= 0 {
		data, err = os.ReadFile(filepath.Join(folder, path[:cut]))
		return data, true, err
	}
	return nil, false, err
}

type reader struct{ folder string }

func (r reader) Height() int { return 8 }

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var result [][]byte
	for _, tile := range tiles {
		data, _, err := readWide(r.folder, strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		if len(data) > tile.W*tlog.HashSize {
			data = data[:tile.W*tlog.HashSize]
		}
		result = append(result, data)
	}
	return result, nil
}

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func hashes(path []string) []tlog.Hash {
	var result []tlog.Hash
	for _, text := range path {
		hash, err := tlog.ParseHash(text)
		must(err, "hash in proof")
		result = append(result, hash)
	}
	return result
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func entries(folder string, size int64) [][]byte {
	var result [][]byte
	for first := int64(0); first < size; first += 256 {
		width := size - first
		if width > 256 {
			width = 256
		}
		path := strings.Replace(tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}.Path(), "tile/8/0/", "tile/entries/", 1)
		data, _, err := readWide(folder, path)
		must(err, "entry bundle")
		for i := int64(0); i < width; i++ {
			length := int(binary.BigEndian.Uint16(data))
			result = append(result, data[2:2+length])
			data = data[2+length:]
		}
	}
	return result
}

func main() {
	var todo task
	must(json.NewDecoder(os.Stdin).Decode(&todo), "task")
	var found report

	verifier, err := note.NewVerifier(todo.VerifierKey)
	must(err, "verifier key")
	message, err := os.ReadFile(filepath.Join(todo.Folder, "checkpoint"))
	must(err, "checkpoint")
	opened, err := note.Open(message, note.VerifierList(verifier))
	must(err, "open checkpoint")
	found.Verified, found.Unverified = len(opened.Sigs), len(opened.UnverifiedSigs)
	lines := strings.Split(opened.Text, "\n")
	found.Origin = lines[0]
	found.Size, err = strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "root")

	tree := tlog.Tree{N: found.Size, Hash: root}
	// TileHashReader authenticates every tile it returns against the root.
	nodes := tlog.TileHashReader(tree, reader{todo.Folder})
	all := entries(todo.Folder, found.Size)
	for first := 0; first < len(all); first += 256 {
		last := first + 256
		if last > len(all) {
			last = len(all)
		}
		var indexes []int64
		for index := first; index < last; index++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(index)))
		}
		got, err := nodes.ReadHashes(indexes)
		must(err, "leaf hashes")
		for offset, entry := range all[first:last] {
			if got[offset] != tlog.RecordHash(entry) {
				must(fmt.Errorf("entry %d does not hash to its leaf", first+offset), "entries")
			}
			found.Entries++
		}
	}
	for _, item := range todo.Inclusion {
		leaf, err := nodes.ReadHashes([]int64{tlog.StoredHashIndex(0, item.Index)})
		must(err, "leaf hash")
		must(tlog.CheckRecord(hashes(item.Path), found.Size, root, item.Index, leaf[0]), "inclusion proof")
		own, err := tlog.ProveRecord(found.Size, item.Index, nodes)
		must(err, "own inclusion proof")
		if !same(own, hashes(item.Path)) {
			must(fmt.Errorf("the proof of %d differs", item.Index), "inclusion proof")
		}
		found.Inclusion++
	}
	for _, item := range todo.Consistency {
		old, err := tlog.ParseHash(item.OldRoot)
		must(err, "old root")
		must(tlog.CheckTree(hashes(item.Path), found.Size, root, item.Old, old), "consistency proof")
		own, err := tlog.ProveTree(found.Size, item.Old, nodes)
		must(err, "own consistency proof")
		if !same(own, hashes(item.Path)) {
			must(fmt.Errorf("the consistency proof from %d differs", item.Old), "consistency proof")
		}
		found.Consistency++
	}

	// The other direction: notes made here, to be opened by qingjian.ledger.
	secret, public, err := note.GenerateKey(rand.Reader, "go.example/log")
	must(err, "generate key")
	signer, err := note.NewSigner(secret)
	must(err, "signer")
	signed, err := note.Sign(&note.Note{Text: todo.Text}, signer)
	must(err, "sign")
	found.Note, found.NoteKey = base64.StdEncoding.EncodeToString(signed), public
	ours, err := note.NewSigner(todo.SignerKey)
	must(err, "our secret key")
	again, err := note.Sign(&note.Note{Text: opened.Text}, ours)
	must(err, "sign again")
	if !bytes.HasPrefix(message, again) {
		must(fmt.Errorf("Go signs the same text differently"), "sign again")
	}
	found.Resigned = "same"
	must(json.NewEncoder(os.Stdout).Encode(found), "report")
}
