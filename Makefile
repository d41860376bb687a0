# make learn   starts the course          make test   checks all of it          make help   says the rest
# Thin on purpose: everything that takes more than a line or two is Python. Works with GNU make 3.81 (macOS).

BIN = .venv/bin
# LANGUAGE counts as said only on make's command line; in the environment it is gettext's and may be any locale.
SAID = $(if $(findstring command,$(origin LANGUAGE)),--language "$(LANGUAGE)")

.PHONY: help learn test lint site pdf slides bundle bundle-test execute editions chapter badges bench bands mutants faults fuzz clean

help:
	@sed -n 's/^## //p' Makefile

## make learn [LANGUAGE=zh|en]     install what is missing, fetch the data, open JupyterLab
learn: .venv/.installed
	@$(BIN)/python -m aigc_course learn $(SAID)

## make test [CHAPTER=05_1]        lint, unit tests and every notebook of both editions; CHAPTER: only its notebooks
##           [SLOW=1]              also the slow tests, which only add cases
test: .venv/.installed
	@$(BIN)/python -m tools.test $(if $(SLOW),--slow) $(CHAPTER)

## make lint                       style, spelling, who imports whom, types
lint: .venv/.installed
	@$(BIN)/python -m tools.lint

## make site [CHAPTER=05_1]        the web book of both editions: build/site/index.html; runs no notebook
site: .venv/.installed
	@$(BIN)/python -m tools.site --install $(SAID) $(CHAPTER)

## make pdf [LANGUAGE=zh|en]       the web book, printed: one PDF a language in build/pdf; needs Chromium
pdf: site
	@$(BIN)/python -m tools.site.pdf $(SAID)

## make slides [CHAPTER=05_1]      the chapters as slides with notes and minutes: build/slides/index.html
##             [CHECK=1]           and opens each in Chromium: does any overflow?
slides: .venv/.installed
	@$(BIN)/python -m tools.slides --install $(if $(CHECK),--check) $(SAID) $(CHAPTER)

## make bundle [CPU=1]             a folder that installs and runs the course where there is no network: build/bundle
##                                 CPU=1: without what torch needs for a GPU alone; make bundle-test then tries it out
bundle: .venv/.installed
	@$(BIN)/python -m tools.bundle $(if $(CPU),--cpu)

bundle-test:
	@$(BIN)/python -m tools.bundle --test "$$(ls -d build/bundle/aigc_course-* | head -1)"

## make execute [CHAPTER=05_1]     run notebooks and store their outputs
execute: .venv/.installed
	$(BIN)/python -m tools.authoring.execute $(CHAPTER)

## make editions FROM=zh|en        carry code cells from one edition to the other; remarks stay
editions: .venv/.installed
	$(BIN)/python -m tools.authoring.editions --from "$(FROM)" $(CHAPTER)

## make chapter NAME=03_1_topic    the skeleton of a chapter in both editions
chapter: .venv/.installed
	$(BIN)/python -m tools.authoring.chapter $(NAME)

## make badges                     write the public address into badges and setup cells
badges: .venv/.installed
	$(BIN)/python -m tools.authoring.badges

## make bench [BENCH=classifier]   measure speed and quality against the peers, in one run
bench: .venv/.installed
	$(BIN)/python -m tools.bench $(BENCH)

## make bands [CHAPTER=05_1]       measure the expected results anew, over several seeds
bands: .venv/.installed
	$(BIN)/python -m tools.authoring.bands $(CHAPTER)

## make mutants [CHAPTER=05_1]     does each check refuse its solution with any one thing changed?
mutants: .venv/.installed
	$(BIN)/python -m tools.authoring.mutants $(CHAPTER)

## make faults                     what goes wrong on learners' machines, made to go wrong: nothing lost, a way out told?
faults: .venv/.installed
	$(BIN)/python -m tools.faults

## make fuzz                       10,000 inputs for each family of public functions; hours, and it goes on where it was
fuzz: .venv/.installed
	$(BIN)/python -m tools.fuzz

## make clean                      remove the environment and what tools left behind; data and progress stay
clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

.venv/.installed: pyproject.toml
	@PYTHON="$(PYTHON)" EXTRAS="$(EXTRAS)" sh tools/install.sh
