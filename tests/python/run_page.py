"""Runs the Python blocks of a page one after another and compares what each prints with the text below it.

Usage: run_page.py PAGE HOST:PORT, where the address takes the place of the one in the page.
"""

import contextlib
import io
import re
import sys

ADDRESS_OF_PAGES = "127.0.0.1:7100"


def blocks(page):
    """The blocks of code, each with the text that it must print (None where the page does not say)."""
    found = re.findall(r"^```(python|text)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    for index, (kind, body) in enumerate(found):
        if kind == "python":
            follows = found[index + 1] if index + 1 < len(found) else ("", "")
            yield body, follows[1] if follows[0] == "text" else None


def main(path, address):
    with open(path, encoding="utf-8") as file:
        page = file.read().replace(ADDRESS_OF_PAGES, address)
    names = {}
    count = 0
    for code, wanted in blocks(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, path, "exec"), names)  # pylint: disable=exec-used
        if wanted is not None and printed.getvalue() != wanted:
            sys.exit(f"the page prints\n{wanted}\nbut the block\n{code}\nprints\n{printed.getvalue()}")
        count += 1
    if count == 0:
        sys.exit(f"{path} holds no code")
    print(f"ok  {count} blocks of {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
