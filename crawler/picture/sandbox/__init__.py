"""Decoders in processes of their own, that may be killed: what they read was written by strangers.

    decoder thread (`Sandbox.decode`)                       child (`crawler.picture.sandbox.child`)
      magic bytes: a web page goes no further
      body                                  -- pipe -->     limits of memory and time, then PIL
      head checked, pixels copied, hashed   <-- pipe --     head; pixels lie in memory that both see

    or, where nobody looks at the pixels (`Sandbox.sketch`)
      body                                  -- pipe -->     decoded, hashed by its looks, resized (`picture.sketch`)
      head checked, pixels copied, body hashed, encoded

A child that crashes, hangs, takes more than its limits or answers nonsense is killed and costs one row
(`decoder_killed`). There is no pickle in either direction, and what a child says is believed as little as what a server
says: a hostile picture may have taken it over. It has nothing open but its pipes and that memory, and may open nothing,
so that it reads no file and reaches no network; what is left to it is to lie about pictures, until it is renewed.

Limits that a system does not have are left out: macOS has no limit of memory. seccomp and Landlock are not used.
"""

from crawler.picture.sandbox.sandbox import Drawn, Failed, Sandbox, open_sandboxes

__all__ = ["Drawn", "Failed", "Sandbox", "open_sandboxes"]
