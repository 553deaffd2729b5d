import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from lib import streams  # noqa: E402

import there_and_back  # noqa: E402
from fleet import Fleet  # noqa: E402
from watch import Watch  # noqa: E402

pytest_plugins = ["lib.fixtures"]


@pytest.fixture
def there(real_parts, tmp_path, app, start, notes, dynamodb, kinesis, name):
    """A fleet at work on a stream of six shards under load; when the block ends the load does, and it finishes."""
    @contextmanager
    def run(java_version):
        stream = streams.Stream(kinesis.client, name, 6)
        with Fleet(real_parts, tmp_path, app, start, java_version) as fleet:
            fleet.stream, fleet.notes, fleet.dynamodb, fleet.table = stream, notes, dynamodb.client, name
            with Watch(dynamodb.client, name) as fleet.watch:
                with streams.Load(stream, batch=10, every_s=0.2):
                    yield fleet
                there_and_back.finish(fleet)
    return run
