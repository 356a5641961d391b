"""gsplat's CUDA kernels, compiled by a process beside this one while this one gets ready."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gpu.results import Missed

IMPORT = "from gsplat.cuda._backend import _C; raise SystemExit(_C is None)"
"""Compiles at the first time; without nvcc there is only a warning, and no kernels."""


class Compilation:
    """A compilation in progress."""

    def __init__(self, architecture: str, log: Path) -> None:
        # for this process too: with other settings than the child's it would compile again
        os.environ["TORCH_CUDA_ARCH_LIST"] = architecture
        self._log, self._begun, self.seconds = log, time.monotonic(), 0.0
        environment = os.environ | {"MAX_JOBS": str(os.cpu_count())}
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-c", IMPORT],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def wait(self, seconds: float) -> None:
        """Until it is done. Raises Missed with the compiler's last line if it fails or takes longer."""
        try:
            code = self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            self.stop()
            raise Missed(f"gsplat was still compiling after {time.monotonic() - self._begun:.0f} s") from None
        self.seconds = time.monotonic() - self._begun
        if code:
            raise Missed(f"gsplat did not compile: {self.last_line()}")

    def stop(self) -> None:
        """End it, with the compilers it started, if it still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()

    def last_line(self) -> str:
        """Of what the child said."""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"
