"""The web book: both editions as pages that need no server and ask no other host for anything.

`__main__` builds it, `pages` says which pages there are and writes their sources, `links` leads from page to page,
`search` weighs the terms of the glossary, `katex` fetches what draws formulas. docs/ holds Sphinx's part of it.
"""
