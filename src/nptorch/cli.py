"""The `nptorch` command."""

from __future__ import annotations

import functools
import math
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import nptorch
from nptorch.app.catalog import RECIPES, UsageError
from nptorch.errors import CheckpointError, DataError


def _clean_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the user can mend is one line; anything else keeps its traceback, since it is our bug."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (UsageError, DataError, CheckpointError, FileNotFoundError, PermissionError) as error:
            raise click.ClickException(str(error)) from error

    return wrapper


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(nptorch.__version__, prog_name="nptorch")
def main() -> None:
    """Train, test and look at image classifiers."""


class _Positive(click.FloatRange):
    """A number above 0; unlike FloatRange, not nan."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The number, or click's error."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


_POSITIVE = _Positive(0, min_open=True)
_threads = click.option(
    "--threads", type=click.IntRange(1), help="Threads to compute with (default: one for each core)."
)
_root = click.option(
    "--root", default="data", show_default=True, help="Folder that holds, or will hold, downloaded data sets."
)
_no_download = click.option("--no-download", is_flag=True, help="Never touch the network.")


@main.command()
@click.argument("model", required=False)
@click.option(
    "--data", help="digits (default), mnist, fashion-mnist, kmnist, cifar10, cifar100, or a folder of images."
)
@_root
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), help="Default: that of the model's recipe.")
@click.option("--lr", type=_POSITIVE, help="Learning rate. Default: that of the model's recipe.")
@click.option("--optimizer", type=click.Choice(["sgd", "adam", "adamw", "rmsprop", "adagrad"]))
@click.option("--momentum", type=click.FloatRange(0))
@click.option("--weight-decay", type=click.FloatRange(0), default=0.0)
@click.option("--schedule", type=click.Choice(["none", "step", "cosine"]), default="none", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--augment/--no-augment", default=False, help="Shift, turn and mirror the training images at random.")
@click.option("--reject", is_flag=True, help="With mnist and --augment: learn one class more, what is no digit.")
@click.option("--workers", type=click.IntRange(0), default=0, help="Processes that prepare batches.")
@_threads
@click.option("--run-dir", type=click.Path(path_type=Path), help="Where to write the run (default: runs/MODEL-DATA).")
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Go on with the run in this folder, exactly where it stopped."
)
@click.option("--checkpoint-every", type=click.IntRange(0), default=0, help="Also write last.pt every so many batches.")
@_no_download
@_clean_errors
def train(
    model: str | None,
    resume: Path | None,
    threads: int | None,
    no_download: bool,
    checkpoint_every: int,
    **options: Any,
) -> None:
    """Train MODEL: lenet5, lenet, lenet-bn, mlp3, cifar-mlp, or FILE.py:CLASS."""
    from nptorch.app import pictures
    from nptorch.app.runs import Run
    from nptorch.app.train import train as run_training

    if threads:
        nptorch.set_num_threads(threads)
    if resume is not None:
        run = Run(resume)
        config = run.config()
        if _given("epochs"):
            config.epochs = options["epochs"]
    else:
        if model is None:
            raise UsageError(f"name a model to train: {', '.join(RECIPES)}, or FILE.py:CLASS")
        config = _config(model, options)
        run = Run(options["run_dir"] or Path("runs") / f"{Path(model.partition(':')[0]).stem}-{Path(config.data).name}")
    training = run_training(
        run, config, resume=resume is not None, download=not no_download, checkpoint_every=checkpoint_every
    )
    click.echo(
        f"test accuracy {training.history[-1]['test_accuracy']:.2%} (best {training.best:.2%}), run in {run.folder}"
    )
    try:
        pictures.curves(run.path("curves.png"), {"": training.history})
    except UsageError as error:
        click.echo(str(error))


def _given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _config(model: str, options: dict[str, Any]) -> Any:
    from nptorch.app.catalog import recipe
    from nptorch.app.runs import Config

    known = recipe(model)
    data = options["data"] or ("cifar10" if model == "cifar-mlp" else "digits")
    shape = known.input_shape
    if model not in RECIPES and data.startswith("cifar"):
        shape = (3, 32, 32)

    def chosen(name: str, default: Any) -> Any:
        return default if options[name] is None else options[name]

    return Config(
        model=model,
        data=data,
        root=str(options["root"]),
        epochs=options["epochs"],
        batch_size=chosen("batch_size", known.batch_size),
        lr=chosen("lr", known.lr),
        optimizer=chosen("optimizer", known.optimizer),
        momentum=chosen("momentum", known.momentum),
        weight_decay=options["weight_decay"],
        schedule=options["schedule"],
        seed=options["seed"],
        augment=options["augment"],
        reject=options["reject"],
        workers=options["workers"],
        loss=known.loss,
        shape=shape,
        mean=known.mean,
        std=known.std,
    )


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--last", is_flag=True, help="Test last.pt instead of best.pt.")
@_root
@_threads
@_clean_errors
def test(run: Path, last: bool, root: str, threads: int | None) -> None:
    """Test the network of RUN: accuracy, a table by class, the confusion matrix and the worst mistakes as pictures."""
    from nptorch.app import pictures, show
    from nptorch.app.data import open_data
    from nptorch.app.evaluate import evaluate
    from nptorch.app.runs import Run
    from nptorch.app.train import LOSSES

    if threads:
        nptorch.set_num_threads(threads)
    folder = Run(run)
    config = folder.config()
    data = open_data(
        config.data, root if _given("root") else config.root, config.preparation, download=False, seed=config.seed
    )
    model = config.network()
    model.load_state_dict(folder.checkpoint("last.pt" if last else "best.pt")["model"])
    result = evaluate(model, data.test, LOSSES[config.loss])
    click.echo(result.table(config.classes))
    click.echo(f"\ntest accuracy {result.accuracy:.2%}, loss {result.loss:.4f} on {len(result.labels):,} images")
    try:
        pictures.confusion(folder.path("confusion.png"), result.confusion, config.classes)
        mistakes = show.wrong_grid(folder.path("wrong.png"), data.test, result, config.classes, config.preparation)
        click.echo(
            f"wrote {folder.path('confusion.png')}"
            + (f" and {folder.path('wrong.png')} ({mistakes} mistakes)" if mistakes else "")
        )
    except UsageError as error:
        click.echo(str(error))


@main.command()
@click.argument("arguments", nargs=-1, required=True, metavar="[RUN|FILE.pt] IMAGE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--explain", type=click.Path(path_type=Path), help="Write the steps of each picture into this folder.")
@click.option("--digits", is_flag=True, help="Find and read every digit of a picture, line by line.")
@_clean_errors
def predict(arguments: tuple[str, ...], as_json: bool, explain: Path | None, digits: bool) -> None:
    """Say what each IMAGE shows: a photo, scan or drawing, by the digit network of the package or a run of your own."""
    from nptorch.app import predict as predicting
    from nptorch.app.reader import open_reader

    source = arguments[0] if predicting.is_source(arguments[0]) else None
    files = arguments[1:] if source else arguments
    if not files:
        raise UsageError(f"name the pictures to read: nptorch predict {source} IMAGE...")
    fine = predicting.predict(
        open_reader(source), files, as_lines_of_json=as_json, explain_in=explain, digits=digits, say=click.echo
    )
    if not fine:
        sys.exit(1)


@main.command()
@click.argument("source", required=False, metavar="[RUN|FILE.pt]")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; other machines need 0.0.0.0."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free one.")
@_clean_errors
def serve(source: str | None, host: str, port: int) -> None:
    """Open a page to draw on or drop photos on, answered by the digit network of the package or a run of your own."""
    from nptorch.app.reader import open_reader
    from nptorch.app.serve import server

    server.serve(open_reader(source), host, port)


@main.group()
def show() -> None:
    """Look at a data set, a network or a checkpoint."""


@show.command("data")
@click.argument("name")
@_root
@click.option("--out", type=click.Path(path_type=Path), help="The picture to write (default: NAME.png).")
@click.option("--count", type=click.IntRange(1, 400), default=16, show_default=True)
@_no_download
@_clean_errors
def show_data(name: str, root: str, out: Path | None, count: int, no_download: bool) -> None:
    """Draw the first images of data set NAME with their labels."""
    from nptorch.app import show as shows
    from nptorch.app.data import Preparation, open_data

    shape = (3, 32, 32) if name.startswith("cifar") else (3, 64, 64) if Path(name).is_dir() else (1, 28, 28)
    data = open_data(name, root, Preparation(shape), download=not no_download)
    path = out or Path(f"{Path(name).name}.png")
    shows.data_grid(path, data, count)
    click.echo(
        f"{len(data.train):,} training and {len(data.test):,} test images of {len(data.classes)} classes; wrote {path}"
    )


@show.command("curves")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default="curves.png", show_default=True)
@_clean_errors
def show_curves(runs: tuple[Path, ...], out: Path) -> None:
    """Draw the loss and accuracy of several RUNS side by side."""
    from nptorch.app import pictures
    from nptorch.app.runs import Run

    pictures.curves(out, {run.name or str(run): Run(run).metrics() for run in runs})
    click.echo(f"wrote {out}")


@show.command("filters")
@click.argument("source", required=False, metavar="[RUN|FILE.pt]")
@click.option("--out", type=click.Path(path_type=Path), default="filters.png", show_default=True)
@_clean_errors
def show_filters(source: str | None, out: Path) -> None:
    """Draw the kernels of the first convolution."""
    from nptorch.app import show as shows
    from nptorch.app.reader import open_reader

    click.echo(f"{shows.filter_grid(out, open_reader(source).model)}; wrote {out}")


@show.command("features")
@click.argument("arguments", nargs=-1, required=True, metavar="[RUN|FILE.pt] IMAGE")
@click.option("--layers", type=click.IntRange(1), default=4, show_default=True, help="How many convolutions.")
@click.option("--out", type=click.Path(path_type=Path), default="features.png", show_default=True)
@_clean_errors
def show_features(arguments: tuple[str, ...], layers: int, out: Path) -> None:
    """Draw what the first convolutions compute of IMAGE."""
    from nptorch.app import show as shows
    from nptorch.app.picture_file import open_picture
    from nptorch.app.predict import is_source
    from nptorch.app.reader import open_reader

    source = arguments[0] if is_source(arguments[0]) else None
    files = arguments[1:] if source else arguments
    if len(files) != 1:
        raise UsageError(f"name one picture, not {len(files)}")
    reader = open_reader(source)
    click.echo(shows.feature_grid(out, reader, open_picture(files[0], files[0]), layers) + f"; wrote {out}")


@show.command("graph")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="An .svg, .png or .txt file (default: print the text).")
@_clean_errors
def show_graph(name: str, out: Path | None) -> None:
    """Draw the autograd graph of network NAME (or FILE.py:CLASS)."""
    from nptorch.app import graph_picture
    from nptorch.app.catalog import build, recipe

    boxes = graph_picture.record(build(name, 10), recipe(name).input_shape)
    if out is None:
        click.echo(graph_picture.as_text(boxes))
    else:
        graph_picture.write(boxes, out)
        click.echo(f"{len(boxes)} operations and parameters; wrote {out}")


@show.command("model")
@click.argument("name")
@_clean_errors
def show_model(name: str) -> None:
    """Print the layers, output shapes and parameters of network NAME (or FILE.py:CLASS)."""
    from nptorch.app import show as shows
    from nptorch.app.catalog import build, recipe

    click.echo(shows.summary(build(name, 10), recipe(name).input_shape))


@show.command("checkpoint")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@_clean_errors
def show_checkpoint(file: Path, as_json: bool) -> None:
    """List the tensors of FILE (.pt, .pth, .safetensors, .npz): names, shapes, types, sizes. Nothing in it is run."""
    from nptorch.app import checkpoint

    contents = checkpoint.look(file)
    for line in [checkpoint.as_json(file, contents)] if as_json else checkpoint.as_text(contents):
        click.echo(line)


@main.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--key", help="The part of SOURCE that is the state_dict, such as model.")
@_clean_errors
def convert(source: Path, target: Path, key: str | None) -> None:
    """Write the state_dict in SOURCE as TARGET: from and to .pt, .pth, .safetensors and .npz."""
    from nptorch.app import checkpoint

    click.echo(checkpoint.convert(source, target, key))


@main.command()
def info() -> None:
    """Print versions, threads, and which kernels serve."""
    import numpy

    from nptorch import kernels

    click.echo(
        f"nptorch {nptorch.__version__}, NumPy {numpy.__version__}, Python {platform.python_version()} on {sys.platform} ({platform.machine()})"
    )
    click.echo(f"kernels: {kernels.description()}")
    click.echo(f"threads: {nptorch.get_num_threads()}")


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "module", is_flag=True, help="SCRIPT is the name of a module, as for python -m.")
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_clean_errors
def run(module: bool, script: str, arguments: tuple[str, ...]) -> None:
    """Run a PyTorch program: SCRIPT ARGUMENTS..., with torch and torchvision meaning nptorch."""
    from nptorch.compat import runner

    (runner.run_module if module else runner.run_file)(script, list(arguments))


@main.command()
@click.argument("pattern", default="")
def names(pattern: str) -> None:
    """List the names of PyTorch that nptorch has, those that hold PATTERN."""
    from nptorch.compat.names import all_names

    for name in all_names():
        if pattern.lower() in name.lower():
            click.echo(name)


if __name__ == "__main__":
    main()
