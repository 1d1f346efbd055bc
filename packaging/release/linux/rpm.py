"""Makes the .rpm package for Fedora, openSUSE and their relatives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from provision.console import give_up

from release import licences
from release.linux import elf, tree
from release.outputs import (
    BUILD,
    DESCRIPTION,
    DIST,
    MAINTAINER,
    SUMMARY,
    date,
    home,
    mail,
    moment,
    processor,
    version,
)

_MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}
_SPEC = """\
Name: eyebright
Version: {version}
Release: 1
Summary: {summary}
License: MIT
URL: {home}
# What lies in usr/lib/eyebright is for the program alone: it offers nothing to others.
AutoReqProv: no
{requires}
%global __os_install_post %{{nil}}
%global _build_id_links none
%global source_date_epoch_from_changelog 0
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _binary_payload w9T0.xzdio

%description
{description}

%install
cp -a {root}/. %{{buildroot}}/

%files
%license /usr/share/licenses/eyebright
%dir /usr/lib/eyebright
/usr/lib/eyebright/*
/usr/bin/eyebright
/usr/share/applications/eyebright.desktop
/usr/share/icons/hicolor/*/apps/eyebright.*
/usr/share/man/man1/eyebright.1.gz
/usr/share/metainfo/org.eyebright.Eyebright.metainfo.xml

%changelog
* {day} {maintainer} - {version}-1
- See {home} for what is new.
"""


def build(program: Path) -> Path:
    """Make the package from the frozen program, and return it."""
    root, work = BUILD / "rpm-root", BUILD / "rpm"
    shutil.rmtree(work, ignore_errors=True)
    tree.lay_out(program, root)
    licences.write_copyright(root / "usr/share/licenses/eyebright/copyright")
    tree.settle(root)
    bits = "()(64bit)"
    requires = [f"Requires: {name}{bits}" for name in elf.from_outside(root / tree.PROGRAM_FOLDER)]
    requires.append(f"Requires: libc.so.6(GLIBC_{elf.GLIBC_FLOOR}){bits.replace('()', '')}")
    spec = work / "eyebright.spec"
    spec.parent.mkdir(parents=True)
    spec.write_text(
        _SPEC.format(
            version=version(),
            summary=SUMMARY,
            home=home(),
            requires="\n".join(requires),
            description=DESCRIPTION,
            root=root,
            day=date().strftime("%a %b %d %Y"),
            maintainer=f"{MAINTAINER} <{mail()}>",
        ),
        "utf-8",
    )
    machine = _MACHINE[processor()]
    command: list[str | Path] = ["rpmbuild", "-bb", "--target", machine, "--define", f"_topdir {work}", spec]
    environment = {"SOURCE_DATE_EPOCH": str(moment()), "PATH": "/usr/bin:/bin", "HOME": str(work)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        give_up(f"rpmbuild failed: {result.stderr.strip()[-2000:]}")
    made = next((work / "RPMS" / machine).glob("*.rpm"))
    DIST.mkdir(exist_ok=True)
    package = DIST / made.name
    shutil.move(made, package)
    shutil.rmtree(root)
    shutil.rmtree(work)
    return package
