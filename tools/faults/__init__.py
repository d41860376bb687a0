"""`make faults`: what goes wrong on learners' machines, really made to go wrong; see __main__.py."""
