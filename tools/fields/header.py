"""Reads vae.h: its constants and its structs, with their comments.

It reads what this project writes there, not C in general, and fails on anything
else.
"""
import collections
import re

Constant = collections.namedtuple("Constant", "name value doc")
Member = collections.namedtuple("Member", "c_type name count doc")
Struct = collections.namedtuple("Struct", "name members doc")

SIZES = {"uint32_t": 4, "int32_t": 4, "uint64_t": 8, "int64_t": 8, "double": 8,
         "char": 1, "float": 4}


def size_of(member):
    """Bytes of a member on a 64-bit machine; what is not a number is a pointer."""
    return SIZES.get(member.c_type, 8) * member.count


def clean(comment):
    """The text of a comment without its stars, on one line."""
    lines = re.sub(r"^/\*\*<?|\*/$", "", comment.strip()).splitlines()
    text = " ".join(line.strip().lstrip("*").strip() for line in lines)
    return re.sub(r"\s+", " ", text.replace("@brief ", "")).strip()


COMMENT = r"/\*\*(?:[^*]|\*(?!/))*\*/"


def constants(text):
    pattern = re.compile(rf"({COMMENT})\s*#define (VAE_[A-Z0-9_]+) (\d+)\n")
    return [Constant(m[2], m[3], clean(m[1])) for m in pattern.finditer(text)]


def structs(text):
    pattern = re.compile(rf"({COMMENT})\s*typedef struct (vae_\w+) {{(.*?)\n}} \2;",
                         re.DOTALL)
    numbers = {c.name: int(c.value) for c in constants(text)}
    return [Struct(m[2], members(m[3], numbers), clean(m[1]))
            for m in pattern.finditer(text)]


def members(body, numbers):
    pattern = re.compile(
        rf"({COMMENT}\s*)?(const )?(\w+)( ?\*)? ?(\w+)(?:\[(\w+)\])?;"
        rf"(\s*/\*\*<(?:[^*]|\*(?!/))*\*/)?")
    found = []
    for m in pattern.finditer(body):
        pointer = "*" if m[4] else ""
        count = numbers.get(m[6]) or int(m[6] or 1)
        found.append(Member((m[2] or "") + m[3] + pointer, m[5], count,
                            clean(m[7] or m[1])))
    if len(found) != re.sub(COMMENT, "", body).count(";"):
        raise SystemExit(f"cannot read the fields in: {body}")
    return found
