#!/bin/sh
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# fetch_onnxruntime_headers.sh FOLDER
#
# Unpacks the C/C++ headers of ONNX Runtime (Debian's or Ubuntu's package libonnxruntime-dev) into
# FOLDER, without root and without installing anything. ONNX Runtime's own wheels ship no headers.
#
#   1. take this machine's own apt sources for its release (mirror, keyring, options);
#   2. where that release is too old to have the package, name a newer release instead;
#   3. `apt-get update` and `apt-get download` in state folders of our own; `dpkg -x`; move into place.
#
# Exit status 0 and nothing on stdout, or 1 and the reason on stderr. Each network step has a limit.
set -eu

package=libonnxruntime-dev
limit=${DPONNX_FETCH_SECONDS:-120}

fail() { echo "fetch_onnxruntime_headers: $*" >&2; exit 1; }

[ $# -eq 1 ] || fail "usage: $0 FOLDER"
for tool in apt-get apt-config dpkg awk timeout; do
    command -v "$tool" >/dev/null || fail "needs $tool: not a Debian or Ubuntu machine?"
done

# apt reads its settings as the C locale prints them, and the subshell keeps os-release's names away.
export LC_ALL=C
id=$(. /etc/os-release && echo "$ID ${ID_LIKE:-}")
codename=$(. /etc/os-release && echo "${UBUNTU_CODENAME:-${VERSION_CODENAME:-}}")
version=$(. /etc/os-release && echo "${VERSION_ID:-0}")

# `known`: the names that stand for this release in the sources. `suites`: releases to try, first the best.
known=" $codename "
case " $id " in
*" ubuntu "*)
    components=universe
    suites="$codename resolute questing plucky" ;;
*" debian "*)
    components=main
    known="$known stable testing unstable sid oldstable "
    suites="$codename trixie" ;;
*) fail "knows only Debian and Ubuntu, not '$id'" ;;
esac
case "$codename:$version" in
bullseye:* | bookworm:* | focal:* | jammy:* | noble:*) suites=${suites#"$codename "} ;;
:*) fail "/etc/os-release names no release" ;;
esac

mkdir -p "$(dirname "$1")"
parent=$(cd "$(dirname "$1")" && pwd)
target=$parent/$(basename "$1")
work=$(mktemp -d "$parent/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Prints the machine's sources of this release as deb822 stanzas that name $1 and $components instead.
sources_for() {
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    for file in "$list" "$parts"/*.list; do
        [ -r "$file" ] && awk -v known="$known" -v suite="$1" -v components="$components" '
            $1 != "deb" { next }
            {
                sub(/#.*/, "")
                options = ""
                if (match($0, /\[[^]]*\]/)) {
                    options = substr($0, RSTART + 1, RLENGTH - 2)
                    $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
                }
                if ($2 !~ /^(https?|mirror)/ || !index(known, " " $3 " ")) next
                print "Types: deb\nURIs: " $2 "\nSuites: " suite "\nComponents: " components
                n = split(options, option, " ")
                for (i = 1; i <= n; ++i) {
                    key = tolower(option[i]); sub(/[+-]?=.*/, "", key)
                    value = option[i]; sub(/^[^=]*=/, "", value); gsub(/,/, " ", value)
                    if (key == "arch") key = "Architectures"
                    if (key != "lang" && key != "target") print key ": " value
                }
                print ""
            }' "$file"
    done
    for file in "$parts"/*.sources; do
        [ -r "$file" ] && awk -v known="$known" -v suite="$1" -v components="$components" '
            function flush_stanza(  i, n, word, ours) {
                n = split(names, word, " ")
                for (i = 1; i <= n; ++i) if (index(known, " " word[i] " ")) ours = 1
                if (ours && binary && !disabled && uris ~ /(https?|mirror)/)
                    print "Types: deb\nSuites: " suite "\nComponents: " components "\n" kept
                names = kept = uris = ""; binary = disabled = 0
            }
            /^#/ { next }
            /^[ \t]*$/ { flush_stanza(); next }
            /^[^ \t]/ { field = tolower($0); sub(/[ \t]*:.*/, "", field) }
            {
                value = $0; sub(/^[^ \t:]*[ \t]*:/, "", value)
                if (field == "types") { if ((" " value " ") ~ / deb /) binary = 1 }
                else if (field == "suites") names = names " " value
                else if (field == "enabled") disabled = (value ~ /no|false|0/)
                else if (field != "components" && field != "languages" && field != "targets") {
                    if (field == "uris") uris = uris value
                    kept = kept $0 "\n"
                }
            }
            END { flush_stanza() }' "$file"
    done
    return 0
}

# -c is read after the machine's own settings: proxies and credentials stay, hooks and side targets go.
mkdir -p "$work/empty" "$work/download"
cat >"$work/apt.conf" <<END
#clear APT::Update;
#clear APT::Default-Release;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::Contents-deb;
#clear Acquire::IndexTargets::deb::CNF;
APT::Update::Error-Mode "any";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/empty/none";
Dir::Etc::sourceparts "$work/sources";
Dir::Etc::preferences "$work/empty/none";
Dir::Etc::preferencesparts "$work/empty";
END
: >"$work/status"

fetch() {
    rm -rf "$work/sources" "$work/state" "$work/cache"
    mkdir -p "$work/sources" "$work/state/lists/partial" "$work/cache/archives/partial"
    sources_for "$1" >"$work/sources/release.sources"
    [ -s "$work/sources/release.sources" ] || { echo "found no apt source of $codename"; return 1; }
    timeout "$limit" apt-get -qq -c "$work/apt.conf" update &&
        (cd "$work/download" && timeout "$limit" apt-get -qq -c "$work/apt.conf" download "$package")
}

for suite in $suites; do
    if fetch "$suite" >>"$work/log" 2>&1; then
        dpkg -x "$work"/download/*.deb "$work/unpacked"
        rm -rf "$target"
        # Another build may have been quicker: its copy is as good.
        mv -T "$work/unpacked" "$target" 2>/dev/null || [ -d "$target/usr/include" ] || fail "cannot write $target"
        exit 0
    fi
done
tail -n 5 "$work/log" >&2
fail "got no $package from: $suites"
