"""The exercises: found, started, checked in a cage, graded, and proved to be fair. The door is common/tools/exercise.py."""
