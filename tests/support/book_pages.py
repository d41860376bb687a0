"""What a reader does with the pages of the web book, done by a browser that a program drives."""

PLACES = """() => [...document.querySelectorAll("article section[id], article div.cell[id]")].map(place => place.id)"""


def first_hit(page, address: str, query: str) -> str:
    """The page that the search names first, without its anchor."""
    page.goto(f"{address}/search.html?q={query}")
    page.wait_for_selector("#search-results ul.search li a")
    return page.locator("#search-results ul.search li a").first.get_attribute("href").partition("#")[0]
