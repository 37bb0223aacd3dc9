#!/bin/sh
# Runs a command that sees a folder as /user, absolute paths included, without changing the machine.
#   unshare -m | -Urm  sh namespace.sh NEW_ROOT USER_DIR COMMAND...
# Everything happens in a mount namespace of its own and disappears with the command. "/" belongs to the real root, so
# a folder /user cannot be made in it: a new root is put together in memory from the old one's entries, plus /user.
# Every step ends in exec: the command keeps the process id that the caller started.
set -eu
new_root=$1
user_dir=$2
shift 2
saved_path=$PATH
PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"

mount -t tmpfs -o mode=755,size=1m tmpfs "$new_root"
for entry in /* /.[!.]*; do
    name=${entry#/}
    [ "$name" = user ] && continue
    if [ -L "$entry" ]; then
        cp -P "$entry" "$new_root/$name"
    elif [ -d "$entry" ]; then
        mkdir "$new_root/$name"
        mount --rbind "$entry" "$new_root/$name"
    elif [ -e "$entry" ]; then
        : > "$new_root/$name"
        mount --bind "$entry" "$new_root/$name"
    fi
done
mkdir "$new_root/user"
mount --bind "$user_dir" "$new_root/user"
exec chroot "$new_root" /bin/sh -c 'cd /user && PATH=$1 && shift && exec "$@"' sh "$saved_path" "$@"
