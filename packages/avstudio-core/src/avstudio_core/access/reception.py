"""How files come to a studio that are not on its machine, and to whom they belong."""

from __future__ import annotations

from functools import cached_property

from avstudio_core.access.guest import Guest
from avstudio_core.access.incoming_file import Incoming
from avstudio_core.access.uploads import OwnedUploads
from avstudio_core.artifact import Trust, new_id
from avstudio_core.errors import InvalidInput
from avstudio_core.names import file_name
from avstudio_core.quotes import quoted
from avstudio_core.storage.intake import Intake, Origin, Place


class Reception(Guest):
    """The part of a session that receives files."""

    def receive(self, name: str, project: str | None = None, *, trust: Trust = "media") -> Incoming:
        """A file that is not on this machine: its pieces are written to what this returns."""
        if not isinstance(name, str):
            raise InvalidInput(f"{quoted(name)} is not a name of a file.", hint="Give text.")
        name, most = file_name(name), self._home.gate.settings.upload_mb << 20
        return Incoming(self._intake(project), Origin(name, name, trust), most)

    @cached_property
    def uploads(self) -> OwnedUploads:
        """Files that are sent in parts, over several connections."""
        self.principal.require("run")
        home, reach = self._home, self.principal.own
        return OwnedUploads(home._database, home._uploads, home.gate.settings, reach, home._store, self._place)

    def _intake(self, project: str | None) -> Intake:
        return Intake(self._home._database, self._home._store, self._place(project))

    def _place(self, project: str | None) -> Place:
        """Where a file of the owner belongs. Raises `NotAllowed`."""
        self.principal.require("run")
        return Place(self.principal.owner, self._project(project), f"{self._home.id}_{new_id('in')}")
