# Treadle's doors. Each only opens: the work is done by the scripts in common/tools.
#
# A line "## door VARIABLE=example [OPTIONAL=example]: what it does" is the door's line in `make help`, and says
# which variables it takes; door.py refuses the others, and every value that names nothing.

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
# For the command that waits until this one no longer works in the build folder.
export TREADLE_DOOR = make $@

TOOLS := common/tools
PY := python3 -B
# Refuses a wrong or missing variable before anything is installed or built.
CHECK = @sh $(TOOLS)/door.sh $@
SETUP = sh $(TOOLS)/setup.sh
# The first stage that knows threads; before it, there is nothing that two of them could do to each other.
THREADS := 05
# Behind a command that shows something: `| head` is no failure of it.
MAY_BE_CUT = || [ $$? -eq 141 ]

DOORS := help run test stage demo diff growth carry check-stages export exercise watch hint solution grade book bench lint \
         format asan tsan stress mutants model transcripts install setup clean
.PHONY: $(DOORS)

# --- Read and run ---

## help: this list
help:
	@sh $(TOOLS)/door.sh help

## run [PORT=8000]: install what is missing, build, give a short tour, serve the book from the newest event loop
run:
	$(CHECK)
	@$(SETUP) build book
	@$(PY) $(TOOLS)/tour.py --serve

## book: build the book into build/book/html
book:
	$(CHECK)
	@$(SETUP) book
	@book/build

## stage CH=03: build one stage with its examples and tests
stage:
	$(CHECK)
	@$(SETUP) build
	@$(PY) $(TOOLS)/test_all.py --stage "$$CH" --build-only

## demo CH=03: run one stage's examples on their real input
demo:
	$(CHECK)
	@$(SETUP) build
	@$(PY) $(TOOLS)/tour.py --stage "$$CH"

## install [PREFIX=/usr/local]: install the newest stage as a library, for find_package(treadle)
install:
	$(CHECK)
	@$(SETUP) build
	@$(PY) $(TOOLS)/install.py

# --- Test ---

## test [CH=03] [FROM=03] [FILTER=Sleep*] [PRESET=dev] [ALL=1] [FRESH=1]: the shared tests on every stage (or one, or FROM one on), the exercises' and the tools' own tests; ALL=1 also where nothing that a test sees has changed
test:
	$(CHECK)
	@$(if $(filter gcc,$(PRESET)),$(SETUP) gcc && CXX=g++) $(SETUP) build sanitizers book
	@$(PY) $(TOOLS)/test_all.py

## asan [CH=03] [FROM=03] [FILTER=Sleep*] [ALL=1]: the shared tests under the address and undefined-behaviour sanitizers
asan:
	$(CHECK)
	@$(SETUP) build sanitizers
	@$(PY) $(TOOLS)/test_all.py --preset asan --only-stages

## tsan [CH=05] [FROM=06] [FILTER=Sleep*] [ALL=1]: the shared tests under the thread sanitizer, on the stages that have threads
tsan:
	$(CHECK)
	@$(SETUP) build sanitizers
	@$(PY) $(TOOLS)/test_all.py --preset tsan --only-stages --from "$${FROM:-$(THREADS)}"

## stress [CH=06] [TIMES=200]: the tests that use real time and threads, again and again beside busy processes
stress:
	$(CHECK)
	@$(SETUP) build
	@$(PY) $(TOOLS)/stress.py $${CH:+--stage "$$CH"} $${TIMES:+--times "$$TIMES"}

## mutants [CH=03] [NAME=lifo-ready-queue]: break the stages on purpose; each break must fail its named test
mutants:
	$(CHECK)
	@$(SETUP) build fast
	@$(PY) $(TOOLS)/mutants.py

## model [CH=05]: try every order in which other threads can meet a loop that falls asleep
model:
	$(CHECK)
	@$(SETUP) build model
	@$(PY) $(TOOLS)/model_check.py

## bench [QUICK=1]: measure every stage and its peers, side by side
bench:
	$(CHECK)
	@$(SETUP) build
	@common/bench/run

# --- Exercises ---

## exercise EX=02/name: copy an exercise to work/ (the first time) and check your answer
exercise:
	$(CHECK)
	@$(SETUP) build sanitizers
	@$(PY) $(TOOLS)/exercise.py start "$$EX"

## watch EX=02/name: check again whenever you save
watch:
	$(CHECK)
	@$(SETUP) build sanitizers
	@$(PY) $(TOOLS)/exercise.py watch "$$EX"

## hint EX=02/name [RESET=1]: one more hint each time
hint:
	$(CHECK)
	@$(PY) $(TOOLS)/exercise.py hint "$$EX" $(MAY_BE_CUT)

## solution EX=02/name [REVEAL=1]: our solution beside yours, once yours passes (REVEAL=1: before)
solution:
	$(CHECK)
	@$(PY) $(TOOLS)/exercise.py solution "$$EX" $(MAY_BE_CUT)

## grade [EX=02/name] [FORMAT=gradescope] [OUT=file]: grade your answers; FORMAT is text, gradescope, classroom, junit or json
grade:
	$(CHECK)
	@$(SETUP) build sanitizers >&2
	@$(PY) $(TOOLS)/exercise.py grade

# --- Keep the stages one book ---

## diff CH=03: what a stage changes against the one before it
diff:
	$(CHECK)
	@$(PY) $(TOOLS)/diff_stages.py "$$CH" $(MAY_BE_CUT)

## growth: bring the growth table of the README up to date
growth:
	$(CHECK)
	@$(SETUP) ctags
	@$(PY) $(TOOLS)/growth.py --write

## carry FROM=02: merge your change of one stage into every later one
carry:
	$(CHECK)
	@$(PY) $(TOOLS)/carry.py "$$FROM"

## check-stages: find skipped stages, texts that flip back, changes nobody explains
check-stages:
	$(CHECK)
	@$(SETUP) book
	@$(PY) $(TOOLS)/check_stages.py

## export CH=03 OUT=dir: copy one stage out of the tree, to build alone
export:
	$(CHECK)
	@$(PY) $(TOOLS)/export.py "$$CH" "$$OUT"

## transcripts [RECORD=1]: run the book's console sessions again and compare (RECORD=1 writes them)
transcripts:
	$(CHECK)
	@$(SETUP) build sanitizers model
	@$(PY) $(TOOLS)/test_all.py --examples-only
	@$(PY) $(TOOLS)/transcripts.py $(if $(RECORD),--record,--check)

## lint [FILE=tests/test_sleep.cpp]: clang-tidy, the coroutine shapes that g++ 12 miscompiles, and the scripts' syntax
lint:
	$(CHECK)
	@$(SETUP) build lint
	@$(PY) $(TOOLS)/lint.py $$FILE

## format [FORMAT_CHECK=1]: format the C++ sources (FORMAT_CHECK=1 only looks)
format:
	$(CHECK)
	@$(SETUP) format
	@$(PY) $(TOOLS)/format.py

# --- House-keeping ---

## setup: install everything that any door needs
setup:
	$(CHECK)
	@$(SETUP) --all

## clean: delete everything that was built (your answers in work/ stay)
clean:
	$(CHECK)
	@rm -rf "$${BUILD:-build}"

Makefile: ;
.DEFAULT:
	@sh $(TOOLS)/door.sh --unknown "$@"
