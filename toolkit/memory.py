"""How much memory this process took, on the host and on a GPU."""

import sys
from typing import Any


def peak_memory() -> int:
    """The largest resident size of this process so far, bytes; 0 where Python cannot tell (Windows)."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def device_peak() -> int:
    """The most bytes that tensors took on the GPU since `restart_device_peak`; 0 where nothing has used one."""
    cuda = _cuda_in_use()
    return 0 if cuda is None else int(cuda.max_memory_allocated())


def restart_device_peak() -> None:
    """From now on `device_peak` looks at what comes."""
    if (cuda := _cuda_in_use()) is not None:
        cuda.reset_peak_memory_stats()


def free_on_device() -> int:
    """Bytes that are free on the GPU, whoever took the others."""
    import torch

    return int(torch.cuda.mem_get_info()[0])


def _cuda_in_use() -> Any | None:
    """torch.cuda, unless this process has not begun to use it: asking would begin, and takes seconds and memory."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None
