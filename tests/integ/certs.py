"""Certificates for tests, made by openssl: good ones, and wrong in one way."""

import datetime
import os
import subprocess

CONFIG = """
[ca]
default_ca = here
[here]
dir = {folder}
database = {folder}/index
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
"""


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def _day(days):
    at = datetime.datetime.now(datetime.timezone.utc)
    return (at + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


class Authority:
    """A CA in a folder; what it signs lies there as well."""

    def __init__(self, folder, name="test CA"):
        self.folder = folder
        self.path = os.path.join(folder, "ca.pem")
        self.key = os.path.join(folder, "ca.key")
        self.config = os.path.join(folder, "ca.conf")
        with open(self.config, "w", encoding="ascii") as out:
            out.write(CONFIG.format(folder=folder))
        with open(os.path.join(folder, "index"), "w", encoding="ascii"):
            pass
        with open(os.path.join(folder, "serial"), "w",
                  encoding="ascii") as out:
            out.write("01\n")
        self_signed(self.path, self.key, name, None, is_ca=True)

    def sign(self, name, alt, start=-1, end=30):
        """A certificate with its key in one file: its path."""
        base = os.path.join(self.folder, name)
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                 "-addext", f"subjectAltName={alt}", "-keyout", base + ".key",
                 "-out", base + ".csr")
        _openssl("ca", "-batch", "-notext", "-config", self.config, "-cert",
                 self.path, "-keyfile", self.key, "-in", base + ".csr", "-out",
                 base + ".crt", "-startdate", _day(start), "-enddate",
                 _day(end), "-extensions", "leaf")
        with open(base + ".pem", "w", encoding="ascii") as out:
            for part in (".crt", ".key"):
                with open(base + part, encoding="ascii") as text:
                    out.write(text.read())
        return base + ".pem"


def self_signed(cert, key, name, alt, is_ca=False):
    """A certificate that vouches for itself."""
    more = ["-addext", f"subjectAltName={alt}"] if alt else []
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
             f"/CN={name}", "-addext",
             f"basicConstraints=critical,CA:{'TRUE' if is_ca else 'FALSE'}",
             *more, "-keyout", key, "-out", cert)


def day(days):
    """A day as people read it."""
    at = datetime.datetime.now(datetime.timezone.utc)
    return (at + datetime.timedelta(days=days)).strftime("%Y-%m-%d")
