#!/bin/sh
# share.sh PROGRAMS SHARE: writes the manual pages and shell completions of the programs in the
# directory PROGRAMS to their places under SHARE, such as /usr/local/share.
set -eu
programs=$1 share=$2
mkdir -p "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
for program in capvote-server capvote-client; do
    "$programs/$program" man "$share/man/man1"
    "$programs/$program" completions bash > "$share/bash-completion/completions/$program"
    "$programs/$program" completions zsh > "$share/zsh/site-functions/_$program"
    "$programs/$program" completions fish > "$share/fish/vendor_completions.d/$program.fish"
done
