import sys

from tools.contract import main

sys.exit(main())
