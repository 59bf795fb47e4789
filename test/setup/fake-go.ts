/** A Go that takes a file named `finish` to be done with a build, when there is one named `slow`; and notes each build. */
export const fakeGo = `
case $1 in
  env) echo go1.26.8; echo "$SCRATCH/modules"; echo "$SCRATCH/go-build" ;;
  list) printf 'true\\ntrue\\nfalse\\n' ;;
  build)
    while [ "$1" != -o ]; do shift; done
    printf half > "$2"
    echo "$2" >> "$SCRATCH/builds"
    echo some/package >&2
    while [ -e "$SCRATCH/slow" ] && [ ! -e "$SCRATCH/finish" ]; do sleep 0.05; done
    printf '#!/bin/sh\\n' > "$2"
    chmod +x "$2"
    echo "$2" >> "$SCRATCH/built" ;;
esac`;
