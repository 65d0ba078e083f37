#!/bin/sh
# Tests greet.sh; exits with 1 when a test fails.
cd "$(dirname "$0")" || exit 1
failed=0

check() { # what is tested, expected output, arguments of greet.sh
    what=$1 expected=$2
    shift 2
    seen=$(sh greet.sh "$@")
    if [ "$seen" = "$expected" ]; then
        echo "ok       $what"
    else
        echo "not ok   $what: expected '$expected', got '$seen'"
        failed=1
    fi
}

check "greets by name" "Hello, Ada!" Ada
check "greets the world when no name is given" "Hello, world!"

exit $failed
