"""The nameserver of `rig.naming`: more domains than the zone in memory could answer for in time."""

from rig.apart import Apart


class Names(Apart):
    def __init__(self):
        super().__init__("rig.naming")
        self.port = self.told()["port"]
