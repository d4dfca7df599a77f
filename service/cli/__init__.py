"""The command line: `storno ...`, one file per command group, imported when that group is named."""

__all__: list[str] = []
