"""The two stores behind the server, and where each of them puts bytes."""

import dataclasses
from pathlib import Path

from rig.platform import Platform
from rig.postgres import Cluster
from rig.scanner import Hit, Scanner


@dataclasses.dataclass
class Engine:
    """What to configure for a store, and how to see its files as they are."""

    config: dict
    cluster: Cluster | None

    def folders(self, platform: Platform) -> list[Path]:
        """Where bytes can rest: the data folder, what the server wrote, the files of the database."""
        if self.cluster is None:
            return [platform.folder]
        self.cluster.checkpoint()
        return [platform.folder, self.cluster.folder]

    def apart(self) -> frozenset[Path]:
        """Folders of the databases of others, who share the cluster."""
        if self.cluster is None:
            return frozenset()
        return self.cluster.others(self.config["store"]["url"].rsplit("/", 1)[1])

    def find(self, platform: Platform, person, folders: list[Path] = ()) -> list[Hit]:
        """Where anything of the person rests."""
        known = self.cluster.pristine if self.cluster else frozenset()
        return Scanner([person.mark], person.addresses[::5], known).in_folder(*self.folders(platform), *folders)
