for _mutant in wake-up-drained-after-all-was-taken sleeps-without-another-look; do
  show "python3 common/tools/model_check.py --stage 05 --mutant $_mutant | head -n 1"
done
