"""``python -m striate.cli`` is ``striate``."""

from striate.cli import main

main()
