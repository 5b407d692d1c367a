"""Dialogues of both roles as pure functions: (state, input, time) → (new state, actions).

``host`` is the 上位机, ``field`` the 现场机. States are immutable; nothing here reads a clock or a socket. The caller
sends what ``actions.Send`` holds, stores what must be stored before it sends ``actions.Acknowledge``, tells people or
the device about the events, and calls ``on_time`` at the moment ``wake_at`` names.
"""
