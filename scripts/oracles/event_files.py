"""Prints the goldens of src/training/tensorboard.test.ts: two event files as TensorBoard's own writer frames them, and reads them back.

Needs `pip install tensorboard` (2.21 was used); writes tests/goldens/tensorboard/. The messages are serialised by TensorBoard's protobuf
classes, the frames by its RecordWriter; the event accumulator then has to drop what the resumed run made void.
"""

import struct
import sys
import zlib
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

folder = Path(__file__).resolve().parents[2] / "tests/goldens/tensorboard"


def png():
    """The smallest RGB picture, 2 x 1."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes([0, 255, 0, 0, 0, 0, 255]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def scalars(**values):
    return [Summary.Value(tag=tag.replace("__", "/"), simple_value=value) for tag, value in values.items()]


def write(name, events):
    with open(folder / name, "wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()


def main():
    image = Summary.Image(height=1, width=2, colorspace=3, encoded_image_string=png())
    (folder / "picture.png").write_bytes(png())
    write(
        "events.out.tfevents.1700000000.1",
        [
            Event(wall_time=1700000000.5, file_version="brain.Event:2"),
            Event(wall_time=1700000001.5, step=1, session_log=SessionLog(status=SessionLog.START)),
            Event(wall_time=1700000002.5, step=100, summary=Summary(value=scalars(loss__total=0.75, lr=1e-4))),
            Event(
                wall_time=1700000003.5,
                step=300,
                summary=Summary(value=[*scalars(loss__total=float("nan")), Summary.Value(tag="samples", image=image)]),
            ),
        ],
    )
    write(
        "events.out.tfevents.1700000100.1",
        [
            Event(wall_time=1700000100.5, file_version="brain.Event:2"),
            Event(wall_time=1700000101.5, step=201, session_log=SessionLog(status=SessionLog.START)),
            Event(wall_time=1700000102.5, step=300, summary=Summary(value=scalars(loss__total=0.25))),
        ],
    )
    read(folder)


def read(path):
    board = EventAccumulator(str(path), size_guidance={"scalars": 0, "images": 0})
    board.Reload()
    for tag in board.Tags()["scalars"]:
        print(tag, [(event.step, event.value) for event in board.Scalars(tag)])
    for tag in board.Tags()["images"]:
        print(tag, [(event.step, event.width, event.height, len(event.encoded_image_string)) for event in board.Images(tag)])


if __name__ == "__main__":
    read(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
