"""Pages of HTML in a notebook, with a plain text for where there is none."""


def show_page(page: str, plain: str, live: dict[str, object] | None = None) -> None:
    """Show HTML where there is a notebook, and print `plain` where there is none: a chapter may run as a script.

    live: the same for front ends that can show more, by MIME type
    """
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display

    if InteractiveShell.initialized():
        display({**(live or {}), "text/html": page, "text/plain": plain}, raw=True)
    else:
        print(plain)
