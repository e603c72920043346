"""What commands may write to: nothing that is there already."""

from pathlib import Path


def check_new_folder(folder: Path) -> None:
    """Refuse a folder for results that is there already, but for an empty one.

    Raises
    ------
    FileExistsError
        If it is a file, or not empty.
    """
    if folder.is_dir():
        if any(folder.iterdir()):
            raise FileExistsError(f"{folder} is not empty: choose another folder with --out.")
    elif folder.exists():
        raise FileExistsError(
            f"{folder} is a file, not a folder: choose another folder with --out."
        )


def check_new_file(path: Path) -> None:
    """Refuse a file for results that is there already.

    Raises
    ------
    FileExistsError
        If it is there, or is a folder.
    """
    if path.is_dir():
        raise FileExistsError(f"{path} is a folder: name a file in it with --out.")
    if path.exists():
        raise FileExistsError(f"{path} exists already: choose another name with --out.")
