"""Files that are a part of a program."""

def embedded_files(name, srcs):
    """Makes FILE.inc of each FILE: the octets, as elements of a char array.

    A source file uses it so:

        constexpr char kFile[] = {
        #include "PACKAGE/FILE.inc"
        };

    Args:
      name: of the group of the .inc files, for the srcs of a cc_library.
      srcs: the files, which must not be empty.
    """
    for src in srcs:
        native.genrule(
            name = name + "_" + src,
            srcs = [src],
            outs = [src + ".inc"],
            cmd = "od -An -v -tx1 $< | sed \"s/ \\(..\\)/'\\\\\\\\x\\1',/g\" > $@",
        )
    native.filegroup(
        name = name,
        srcs = [src + ".inc" for src in srcs],
    )
