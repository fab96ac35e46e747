# normalise: durations
# Three of the scenarios that `make model` explores; all of them take a minute.
quiet python3 -B - <<'END'
import sys

sys.path.insert(0, "common/tools")
from model_check import OPTIMISED, ROOT, Workshop
from test_runner import build
from treadle_tools import stages

workshop = Workshop(ROOT, stages.find("05", ROOT).path, build.chosen_compiler(), ROOT / "build/model")
workshop.prepare(OPTIMISED)
workshop.compile(workshop.copy("whole"), OPTIMISED)
END
for _scenario in "one post, and a timer" "a signal" "a post and stop()"; do
  show "build/model/whole/inbox_model '$_scenario' | sed -E 's/ +/ /g; s/ [0-9.]+ s / /'"
done
