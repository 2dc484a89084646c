"""The rig: the real binary under test and everything it talks to, all on loopback."""
