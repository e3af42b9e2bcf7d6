"""The cache layout of Python's huggingface_hub, for src/checkpoints/hub.

Without arguments: downloads a small fixed repository from a hub of its own with snapshot_download and prints
tests/goldens/hub-cache.json: its files, and the listing of the cache that Python made of them.

With a cache folder: asks Python whether it accepts what is there, without network (local_files_only), as a snapshot and file
by file, and prints what it answers. Run at development time on a cache that `resolveModel` wrote of the same repository:
    accepted models--someone--fixed/snapshots/0123456789012345678901234567890123456789, 12 files, scan: 12 files, refs main
"""
import hashlib
import json
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, COMMIT = "someone/fixed", "0123456789" * 4
SMALL = ["model_index.json", "unet/config.json", "vae/config.json", "text_encoder/config.json",
         "scheduler/scheduler_config.json", "tokenizer/tokenizer_config.json", "tokenizer/special_tokens_map.json",
         "tokenizer/vocab.json", "tokenizer/merges.txt"]
LARGE = ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
         "text_encoder/model.safetensors"]
FILES = {path: f"content of {path}\n".encode() for path in [*SMALL, *LARGE]}


def etag(path):
    data = FILES[path]
    if path in LARGE:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith(f"/{NAME}/resolve/"):
            file = path.split(f"/resolve/{COMMIT}/")[1]
            headers = {"ETag": f'"{etag(file)}"', "X-Repo-Commit": COMMIT}
            return self.answer(FILES[file], headers)
        if "/tree/" in path:
            entries = [{"type": "file", "path": p, "size": len(FILES[p]), "oid": etag(p) if p in SMALL else "f" * 40,
                        **({"lfs": {"oid": etag(p), "size": len(FILES[p]), "pointerSize": 134}} if p in LARGE else {})}
                       for p in FILES]
            return self.answer(json.dumps(entries).encode(), {"Content-Type": "application/json"})
        info = {"_id": "1", "id": NAME, "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "likes": 0,
                "siblings": [{"rfilename": p} for p in FILES]}
        self.answer(json.dumps(info).encode(), {"Content-Type": "application/json"})

    def answer(self, body, headers):
        self.send_response(200)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def listing(cache):
    """Path to the target of a link, or to the content of a file; what only Python writes left out."""
    found = {}
    for path in sorted(Path(cache).rglob("*")):
        name = path.relative_to(cache).as_posix()
        if path.is_dir() or name.startswith(".locks/") or "/trees/" in name or name == "CACHEDIR.TAG":
            continue
        found[name] = {"link": os.readlink(path)} if path.is_symlink() else {"file": path.read_text()}
    return found


def check(cache):
    from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download

    folder = snapshot_download(NAME, cache_dir=cache, local_files_only=True)
    for path, data in FILES.items():
        found = hf_hub_download(NAME, path, cache_dir=cache, local_files_only=True)
        assert Path(found).read_bytes() == data, path
    scan = scan_cache_dir(cache)
    assert not scan.warnings, scan.warnings
    [repo] = scan.repos
    refs = ",".join(ref for revision in repo.revisions for ref in revision.refs)
    print(f"accepted {Path(folder).relative_to(cache)}, {len(FILES)} files, scan: {repo.nb_files} files, refs {refs}")


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
    from huggingface_hub import snapshot_download

    with tempfile.TemporaryDirectory() as cache:
        snapshot_download(NAME, cache_dir=cache)
        print(json.dumps({"name": NAME, "commit": COMMIT, "files": {p: d.decode() for p, d in FILES.items()},
                          "cache": listing(cache)}, indent=1))


if len(sys.argv) > 1:
    check(sys.argv[1])
else:
    main()
