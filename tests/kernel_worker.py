# SPDX-License-Identifier: LGPL-3.0-or-later
"""A child process that runs small models on one kernel path.

The library chooses its path once per process, so each path under test needs a process of its own:
Worker("avx2") starts this file with DPONNX_ISA=avx2 and talks to it in pickles.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

LIBRARIES = {
    None: ("dponnx_ops", "CPUExecutionProvider"),
    "emulated": ("dponnx_ops_emulated", "CPUExecutionProvider"),
    "cuda": ("dponnx_ops_cuda", "CUDAExecutionProvider"),
}


class WorkerError(RuntimeError):
    """What ONNX Runtime raised in the child."""


class Worker:
    """path: an instruction set (DPONNX_ISA), None for the best; "emulated", the CUDA kernels on the
    CPU; "cuda", the same on the first GPU. more: environment variables for the child."""

    def __init__(self, path: str | None, more: dict[str, str] | None = None):
        env = {k: v for k, v in os.environ.items() if k != "DPONNX_ISA"} | (more or {})
        library, provider = LIBRARIES.get(path, LIBRARIES[None])
        if path is not None and path not in LIBRARIES:
            env["DPONNX_ISA"] = path
        pipe = subprocess.PIPE
        command = [sys.executable, __file__, library, provider]
        self.child = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe)

    def register(self) -> None:
        """Only registers the operators; WorkerError if they refuse this machine."""
        self.run(None, {})

    def run(self, model: bytes | None, inputs: dict, threads: int = 1) -> list:
        """All outputs of the model; WorkerError with ONNX Runtime's message if it refuses."""
        pickle.dump((model, inputs, threads), self.child.stdin)
        self.child.stdin.flush()
        good, answer = pickle.load(self.child.stdout)
        if not good:
            raise WorkerError(answer)
        return answer

    def close(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


def main():
    import onnxruntime as ort
    from dponnx.custom_ops import library_path

    library, provider = sys.argv[1:]
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but pickles goes to the parent
    while True:
        try:
            model, inputs, threads = pickle.load(stdin)
        except EOFError:
            return
        try:
            options = ort.SessionOptions()
            options.intra_op_num_threads = threads
            options.log_severity_level = 4
            options.register_custom_ops_library(str(library_path(library)))
            if model is None:
                pickle.dump((True, []), stdout)
                stdout.flush()
                continue
            session = ort.InferenceSession(model, options, providers=[provider])
            answer = True, session.run(None, inputs)
        except Exception as error:
            answer = False, str(error)
        pickle.dump(answer, stdout)
        stdout.flush()


if __name__ == "__main__":
    main()
