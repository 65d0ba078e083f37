#!/bin/sh
# Greets somebody: sh greet.sh [NAME]
name=$1
printf 'Hello, %s!\n' "$name"
