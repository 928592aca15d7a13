"""The programs are hardened as the build says: read from their ELF files, not from its flags.

What is looked for: position independent, read-only relocations bound at start, no executable stack,
no text relocations, no search paths, stack protector and FORTIFY in use, landing pads for calls.
tend-shim is static (musl): it has no dynamic section, and is exempt from being position independent
because a static-pie of musl-gcc comes out as a dynamic program.
"""
import os
import pathlib
import stat

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

BUILD = pathlib.Path(os.environ.get("TEND_BUILD", pathlib.Path(__file__).parents[2] / "build"))
DYNAMIC_PROGRAMS = ["tend", "tendd"]
ALL_PROGRAMS = DYNAMIC_PROGRAMS + ["tend-shim"]
SANITIZED = "TEND_SANITIZED" in os.environ

ENDBR64 = bytes.fromhex("f30f1efa")
DF_BIND_NOW, DF_TEXTREL, DF_1_NOW, DF_1_PIE = 0x8, 0x4, 0x1, 0x08000000
PF_X, PF_W = 1, 2


def elf_of(name):
    path = BUILD / name
    assert path.exists(), f"{path} is not built"
    return ELFFile(open(path, "rb"))


def dynamic_tags(elf):
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            return {tag.entry.d_tag: tag.entry.d_val for tag in section.iter_tags()}
    return {}


def symbols(elf):
    return {symbol.name for section in elf.iter_sections() if isinstance(section, SymbolTableSection)
            for symbol in section.iter_symbols()}


def segments(elf, kind):
    return [s for s in elf.iter_segments() if s["p_type"] == kind]


@pytest.mark.parametrize("name", DYNAMIC_PROGRAMS)
def test_it_is_position_independent(name):
    elf = elf_of(name)
    assert elf["e_type"] == "ET_DYN"
    assert dynamic_tags(elf).get("DT_FLAGS_1", 0) & DF_1_PIE


@pytest.mark.parametrize("name", DYNAMIC_PROGRAMS)
def test_relocations_are_bound_at_start_and_read_only_after(name):
    elf = elf_of(name)
    tags = dynamic_tags(elf)
    assert segments(elf, "PT_GNU_RELRO")
    assert tags.get("DT_FLAGS", 0) & DF_BIND_NOW or tags.get("DT_FLAGS_1", 0) & DF_1_NOW


@pytest.mark.parametrize("name", ALL_PROGRAMS)
def test_the_stack_is_not_executable(name):
    stacks = segments(elf_of(name), "PT_GNU_STACK")
    assert stacks, "without this header the kernel makes the stack executable"
    assert not any(s["p_flags"] & PF_X for s in stacks)


@pytest.mark.parametrize("name", ALL_PROGRAMS)
def test_no_memory_is_both_writable_and_executable(name):
    for segment in segments(elf_of(name), "PT_LOAD"):
        assert segment["p_flags"] & (PF_W | PF_X) != PF_W | PF_X


@pytest.mark.parametrize("name", ALL_PROGRAMS)
def test_code_is_not_relocated_and_no_library_path_is_built_in(name):
    tags = dynamic_tags(elf_of(name))
    assert "DT_TEXTREL" not in tags
    assert not tags.get("DT_FLAGS", 0) & DF_TEXTREL
    assert "DT_RPATH" not in tags
    assert "DT_RUNPATH" not in tags


@pytest.mark.parametrize("name", ALL_PROGRAMS)
def test_the_stack_protector_is_in_use(name):
    assert "__stack_chk_fail" in symbols(elf_of(name))


@pytest.mark.parametrize("name", DYNAMIC_PROGRAMS)
@pytest.mark.skipif(SANITIZED, reason="sanitizers stand in for FORTIFY")
def test_checked_variants_of_the_c_library_are_in_use(name):
    checked = {s for s in symbols(elf_of(name)) if s.endswith("_chk") and s != "__stack_chk_fail"}
    assert "__snprintf_chk" in checked or "__vsnprintf_chk" in checked, checked


@pytest.mark.parametrize("name", DYNAMIC_PROGRAMS)
def test_functions_begin_with_a_landing_pad(name):
    """-fcf-protection. The mark of the whole program is missing, because Debian's crt files have none."""
    elf = elf_of(name)
    if elf["e_machine"] != "EM_X86_64":
        pytest.skip("an instruction of x86")
    table = elf.get_section_by_name(".symtab")
    main = table.get_symbol_by_name("main")[0]["st_value"]
    code = next(s for s in segments(elf, "PT_LOAD") if s["p_vaddr"] <= main < s["p_vaddr"] + s["p_filesz"])
    at = main - code["p_vaddr"]
    assert code.data()[at:at + 4] == ENDBR64


def test_the_shim_is_static():
    elf = elf_of("tend-shim")
    assert not segments(elf, "PT_INTERP")
    assert "DT_NEEDED" not in dynamic_tags(elf)


@pytest.mark.parametrize("name", ALL_PROGRAMS)
def test_it_is_an_ordinary_program_file(name):
    mode = (BUILD / name).stat().st_mode
    assert mode & 0o111
    assert not mode & (stat.S_ISUID | stat.S_ISGID)


def test_the_cli_needs_no_network_library():
    elf = elf_of("tend")
    needed = [tag.needed for section in elf.iter_sections() if isinstance(section, DynamicSection)
              for tag in section.iter_tags() if tag.entry.d_tag == "DT_NEEDED"]
    assert not [n for n in needed if n.startswith(("libcurl", "libssl", "libgnutls"))], needed
