#!/bin/sh
# bin/julia of Debian's Julia in a private folder: the program with the libraries that came with it.
me=$(readlink -f -- "$0")
home=${me%/bin/julia}
for libraries in "$home"/usr/lib/*-linux-gnu*; do
    LD_LIBRARY_PATH="$libraries:$libraries/blas:$libraries/lapack:$libraries/openblas-pthread${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
exec "$home/usr/bin/julia" "$@"
