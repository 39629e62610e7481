#!/bin/sh
# selftest.sh PROGRAM: run the cases and print TAP: does each test end as its
# name says, and does a failure say where and why?
set -u
program=$1
number=0
status=0

output=$(LC_ALL=C "$program")
program_status=$?

# is NAME CONDITION...: one line of TAP.
is() {
  name=$1
  shift
  number=$((number + 1))
  if "$@"; then
    echo "ok $number - $name"
  else
    echo "not ok $number - $name"
    status=1
  fi
}

# shellcheck disable=SC2317 # called through is()
says() {
  echo "$output" | grep -q -e "$1"
}

for name in $("$program" -l); do
  case $name in
  pass_*) is "$name" says "^ok [0-9]* - $name\$" ;;
  fail_*) is "$name" says "^not ok [0-9]* - $name\$" ;;
  skip_*) is "$name" says "^ok [0-9]* - $name # SKIP nothing to see\$" ;;
  *) is "$name has no known prefix" false ;;
  esac
done

is 'the plan comes first' says "^1\\.\\.$number\$"
is 'a failure is an exit status' test "$program_status" -eq 1
is 'the place is named' says '^#   tests.*selftest_cases.c:[0-9]*: 1 == 2 is false: 1 and 2'
is 'strings are shown' says '"right"'
is 'bytes are shown' says 'right 61 62 64'
is 'an error has its text' says 'failed: .*refused'
is 'a time limit says so' says 'timed out after 0 s'
is 'a leaked descriptor is named' says 'descriptors open before: 0 1 2.*; after: 0 1 2 3'
is 'exit() is no success' says 'the test called exit()'
is 'a process left behind is seen' says 'left 1 processes running'
is 'one test by its name' test "$("$program" pass_each/two)" = '1..1
ok 1 - pass_each/two'
is 'all rows by the name' test "$("$program" pass_each | wc -l)" -eq 3
is 'an unknown name is an error' test "$("$program" nosuch 2>&1)" = \
  "$program: no such test"
is 'nothing stays in the temporary folder' test ! -e \
  "$("$program" -n pass_dir | tail -n 1)"
echo "1..$number"
exit "$status"
