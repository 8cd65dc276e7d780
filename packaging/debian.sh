#!/bin/sh
# Builds a Debian package, target/debian/capvote_*.deb, and beside it pages.sha256, to be published
# with it: the SHA-256 of each file that browsers are served. Needs cargo-deb and cargo-cyclonedx.
#
# Whoever builds a package maintains it. As for every Debian package, DEBFULLNAME and DEBEMAIL say
# who that is.
set -eu
: "${DEBFULLNAME:?the name of the maintainer of the package}"
: "${DEBEMAIL:?the address of the maintainer of the package}"
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
packaging/build.sh
mkdir -p target/release
cp "$target/package/release/capvote-server" "$target/package/release/capvote-client" target/release/
packaging/share.sh target/release target/share
target/release/capvote-server pages > target/share/pages.sha256
# What the programs are built from: a software bill of materials in the format CycloneDX.
cargo cyclonedx --format json --override-filename capvote.cdx
mv capvote.cdx.json target/share/
rm -f bench/capvote.cdx.json examples/capvote.cdx.json soak/capvote.cdx.json
cargo deb --locked --no-build --no-strip
for package in target/debian/capvote_*.deb; do
    unpacked=$(mktemp -d)
    dpkg-deb --raw-extract "$package" "$unpacked"
    sed -i "s/^Maintainer: .*/Maintainer: $DEBFULLNAME <$DEBEMAIL>/" "$unpacked/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$unpacked" "$package"
    rm -r "$unpacked"
done
cp target/share/pages.sha256 "$target/debian/"
