"""`python -m condafs` is `condafs`."""

from condafs.cli import main

if __name__ == "__main__":
    main()
