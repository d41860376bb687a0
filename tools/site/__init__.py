"""The web book: both editions as pages that need no server and ask no other host for anything.

`__main__` builds it, `pages` says which pages there are and writes their sources, `links` leads from page to page,
`search` weighs the terms of the glossary and `terms` links them, `results` shows docs/verified.csv, `katex` names what
draws formulas, which `npm` fetches. docs/ holds Sphinx's part of it. On a built book: `check` measures it in a browser,
`axe` looks for what keeps people from reading it, `pdf` prints it.
"""
