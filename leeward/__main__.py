"""`python -m leeward` is the command `leeward`."""

from leeward.cli.main import main

if __name__ == "__main__":
    main(prog_name="leeward")
