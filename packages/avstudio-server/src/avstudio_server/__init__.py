"""The interfaces of AV-Studio: the `avstudio` command."""
