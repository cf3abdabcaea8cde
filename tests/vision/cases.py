"""What the transforms are asked, of nptorch and of torchvision alike: expressions of T, F, I (InterpolationMode) and torch."""

from __future__ import annotations

from typing import Any

import numpy as np

HEIGHT, WIDTH = 17, 14

# Applied to an RGB and a grey PIL image, and to uint8 and float32 tensors, after manual_seed(SEED).
SEED = 3
ON_ALL = [
    "T.Resize(9)",
    "T.Resize((9, 20))",
    "T.Resize([11, 6], I.BICUBIC)",
    "T.Resize([30, 6], I.NEAREST)",
    "T.Resize(20, max_size=22)",
    "T.CenterCrop(8)",
    "T.CenterCrop((20, 11))",
    "T.Pad(2)",
    "T.Pad((1, 3), fill=7)",
    "T.Pad((1, 2, 3, 4), padding_mode='edge')",
    "T.Pad((4, 3), padding_mode='reflect')",
    "T.Pad(5, padding_mode='symmetric')",
    "T.Pad((-2, 1, 3, -4), padding_mode='edge')",
    "T.RandomCrop(9)",
    "T.RandomCrop((9, 12), padding=4)",
    "T.RandomCrop(18, pad_if_needed=True, padding_mode='reflect')",
    "T.RandomResizedCrop(8)",
    "T.RandomResizedCrop((6, 9), scale=(0.5, 0.6), ratio=(3.0, 4.0))",
    "T.RandomHorizontalFlip()",
    "T.RandomVerticalFlip(0.9)",
    "T.RandomRotation(30)",
    "T.RandomRotation((40, 50), I.BILINEAR, fill=90)",
    "T.RandomRotation(25, expand=True)",
    "T.RandomRotation((90, 90), center=(3, 4))",
    "T.RandomAffine(20, translate=(0.1, 0.3), scale=(0.7, 1.2), shear=10)",
    "T.RandomAffine((5, 9), shear=(-5, 5, -9, 9), interpolation=I.BILINEAR, fill=30, center=(2, 3))",
    "T.RandomPerspective(p=1.0)",
    "T.ColorJitter(0.4, 0.5)",
    "T.ColorJitter(saturation=(0.2, 1.7))",
    "T.ColorJitter(0.2, 0.3, 0.4, 0.5)",
    "T.Grayscale()",
    "T.Grayscale(3)",
    "T.RandomGrayscale(0.5)",
    "T.RandomInvert(0.9)",
    "T.RandomAutocontrast(1.0)",
    "T.RandomAdjustSharpness(1.8, p=1.0)",
    "T.RandomAdjustSharpness(0.3, p=1.0)",
    "T.GaussianBlur(5)",
    "T.GaussianBlur((3, 7), sigma=1.3)",
    "T.ElasticTransform(40.0, 1.2)",
    "T.ElasticTransform([20.0, 90.0], [0.7, 1.4], I.NEAREST, fill=99)",
    "T.RandomApply([T.CenterCrop(9), T.RandomCrop(4)], p=0.8)",
    "T.RandomChoice([T.RandomCrop(5), T.RandomCrop(6), T.CenterCrop(7)])",
    "T.RandomOrder([T.RandomCrop(9), T.RandomHorizontalFlip(), T.Pad(1)])",
    "T.Compose([T.RandomCrop(12), T.RandomHorizontalFlip(), T.RandomRotation(9)])",
    "lambda x: F.adjust_hue(x, 0.3)",
    "lambda x: F.adjust_hue(x, -0.5)",
    "lambda x: F.adjust_gamma(x, 0.6, 0.9)",
    "lambda x: F.rotate(x, 180)",
    "lambda x: F.affine(x, 10, [2, -1], 0.9, [4.0])",
    "lambda x: F.perspective(x, [[0, 0], [13, 0], [13, 16], [0, 16]], [[1, 2], [12, 1], [11, 15], [2, 14]], I.NEAREST)",
    "lambda x: F.crop(x, -3, 2, 9, 20)",
    "lambda x: F.resized_crop(x, 2, 3, 9, 7, [5, 6])",
]
ON_BYTES = [  # PIL images and uint8 tensors
    "T.RandomPosterize(3, p=1.0)",
    "T.RandomSolarize(100, p=1.0)",
    "T.RandomEqualize(1.0)",
    *[f"lambda x: T.AutoAugment(T.AutoAugmentPolicy.{name})([torch.rand({i}), x][1])"
      for name in ("IMAGENET", "CIFAR10", "SVHN") for i in range(1, 5)],
    *[f"lambda x: T.RandAugment(3, {7 * i}, fill={i})([torch.rand({i}), x][1])" for i in range(1, 5)],
    *[f"lambda x: T.TrivialAugmentWide(interpolation=I.BILINEAR)([torch.rand({i}), x][1])" for i in range(1, 9)],
    *[f"lambda x: T.AugMix({3 * i}, alpha={i / 3}, all_ops={i > 1})([torch.rand({i}), x][1])" for i in range(1, 4)],
    "T.ConvertImageDtype(torch.float32)",
    "T.ConvertImageDtype(torch.int16)",
]  # fmt: skip
ON_TENSORS = [
    "T.Resize((9, 20), antialias=False)",
    "T.Resize([30, 6], I.BICUBIC, antialias=False)",
    "T.Resize([30, 6], I.NEAREST_EXACT)",
    "T.RandomErasing(1.0)",
    "T.RandomErasing(1.0, value='random')",
    "T.RandomErasing(0.9, scale=(0.1, 0.2), ratio=(0.5, 0.6), value=2)",
    "lambda x: torch.stack(T.FiveCrop(6)(x))",
    "lambda x: torch.stack(T.TenCrop((4, 7), vertical_flip=True)(x))",
]
ON_FLOATS = [
    "T.LinearTransformation(torch.eye(714).flip(0) * 2, torch.arange(714) / 714.0)",
    "T.Normalize([0.4], [0.3])",
    "T.ConvertImageDtype(torch.uint8)",
    "T.ConvertImageDtype(torch.float64)",
]
REPRS = [
    "T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,))])", "T.PILToTensor()", "T.ConvertImageDtype(torch.float32)",
    "T.ToPILImage()", "T.ToPILImage('L')", "T.Resize([5, 6], I.NEAREST, antialias=None)", "T.FiveCrop(3)", "T.TenCrop(3)",
    "T.RandomErasing()", "T.RandomInvert()", "T.RandomPosterize(3)", "T.RandomSolarize(3.5)", "T.RandomEqualize()", "T.Lambda(abs)",
    "T.RandomRotation((5, 6), I.BILINEAR, True, (1, 2), 3)", "T.ColorJitter()", "T.RandomAffine(4)", "T.RandomPerspective()",
    "T.RandomAffine((4, 5), (0.1, 0.2), (0.5, 1), (1, 2), I.BILINEAR, 1)", "I.BILINEAR",
    "T.AutoAugment(fill=3)", "T.RandAugment()", "T.TrivialAugmentWide(7)", "T.AugMix(4, interpolation=I.NEAREST)",
    "T.CenterCrop([8, 9])", "T.GaussianBlur([3, 5])", "T.RandomCrop([7])", "T.Resize([4])",
]  # fmt: skip
SHOWN = [text for text in ON_ALL + ON_BYTES + ON_TENSORS + ON_FLOATS if text.startswith("T.") and "Linear" not in text]


def pixels(channels: int) -> np.ndarray[Any, Any]:
    """Soft shapes with some noise, uint8, (H, W, C)."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
    noise = np.random.RandomState(0).randint(0, 40, (HEIGHT, WIDTH, channels))
    return (100 + 70 * np.sin(x / 3 + c) * np.cos(y / 4 - c) + noise).clip(0, 255).astype(np.uint8)


def inputs(to_tensor: Any) -> dict[str, Any]:
    """The images by name; to_tensor: what makes a tensor of a PIL image."""
    from PIL import Image

    rgb, grey = Image.fromarray(pixels(3)), Image.fromarray(pixels(1)[:, :, 0])
    return {"rgb": rgb, "grey": grey, "uint8": to_tensor(rgb, False), "float32": to_tensor(rgb, True)}


def cases() -> list[tuple[str, str]]:
    """(name of an input, expression)."""
    groups = (
        (ON_ALL, ("rgb", "grey", "uint8", "float32")),
        (ON_BYTES[:-2], ("rgb", "grey", "uint8")),
        (ON_BYTES[-2:], ("uint8",)),
        (ON_TENSORS, ("uint8", "float32")),
        (ON_FLOATS, ("float32",)),
    )
    return [(name, expression) for expressions, names in groups for expression in expressions for name in names]


def answer(expression: str, image: Any, T: Any, torch: Any) -> np.ndarray[Any, Any]:
    """The pixels that an expression makes of an image; T: the transforms module."""
    import random

    random.seed(SEED)
    torch.manual_seed(SEED)
    transform = eval(
        expression,
        {"T": T, "F": T.functional, "I": T.InterpolationMode, "torch": torch, "HEIGHT": HEIGHT, "WIDTH": WIDTH},
    )
    made = transform(image)
    return np.asarray(made.numpy() if hasattr(made, "numpy") else made)


ON_SAMPLES = [  # v2 only: x is the image
    "lambda x: T.Compose([T.ToImage(), T.ToDtype(torch.float32, scale=True), T.Normalize([0.4], [0.3])])(x)",
    "lambda x: T.Compose([T.RandomCrop(9), T.RandomHorizontalFlip()])(x, 3)[0]",
    "lambda x: T.RandomCrop((HEIGHT, 9))(x)",
    "lambda x: T.RandomCrop((9, WIDTH + 6), padding=3)({'image': x, 'label': torch.ones(2)})['image']",
    "lambda x: T.RandomResizedCrop(7)([torch.ones(1), (T.ToImage()(x), torch.zeros(1))])[1][0]",
    "lambda x: T.RandomAffine(20, (0.1, 0.1), fill=3)([T.ToImage()(x), T.ToImage()(x)])[1]",
    "lambda x: T.ColorJitter(0.5, 0.5, 0.5, 0.2)((T.ToImage()(x), T.ToImage()(x)))[1]",
    "lambda x: T.RandomErasing(1.0, value='random')(T.ToImage()(x))",
    "lambda x: T.GaussianNoise()(T.ToDtype({T.ToImage: None, 'others': torch.float32}, scale=True)(T.ToImage()(x)[:1]))",
    "lambda x: T.GaussianNoise(0.1, 0.2)(T.ToImage()(x).contiguous())",
    "lambda x: T.RandomChannelPermutation()(T.RGB()(x))",
    "lambda x: T.RandomChoice([T.RandomCrop(5), T.RandomCrop(6), T.CenterCrop(7)], p=[1, 2, 3])(x)",
    "lambda x: T.ToPILImage()(T.ToImage()(x))",
    "lambda x: T.ToTensor()(T.Lambda(lambda y: y.rotate(30), type(x))((x, 3))[0])",
]
BATCHES = [  # v2 only: x is a float batch (4, 3, 17, 14), y its labels
    "T.MixUp(num_classes=3)(x, y)",
    "T.MixUp(alpha=0.2)(x, F1.one_hot(y, 4))",
    "T.CutMix(num_classes=3)({'name': 'a', 'pixels': x, 'LABELS': y})",
    "T.CutMix(alpha=0.3, num_classes=3, labels_getter=lambda s: s[0])(y, (V.Image(x), 7))",
]


def batch(expression: str, T: Any, V: Any, torch: Any) -> list[np.ndarray[Any, Any]]:
    """The tensors of the sample that an expression makes; T: transforms.v2, V: tv_tensors."""
    x = torch.arange(4 * 3 * HEIGHT * WIDTH).reshape(4, 3, HEIGHT, WIDTH) / 3000.0
    torch.manual_seed(SEED)
    made = eval(expression, {"T": T, "V": V, "F1": torch.nn.functional, "x": x, "y": torch.tensor([2, 0, 1, 1])})
    parts = list(made.values()) if isinstance(made, dict) else made
    parts = [part for item in parts for part in (item if isinstance(item, tuple) else [item])]
    return [part.numpy() for part in parts if isinstance(part, torch.Tensor) and part.ndim > 1]


GRIDS = [  # of a batch of five float images (5, 3, 4, 6)
    "U.make_grid(x)",
    "U.make_grid(x, nrow=2, padding=1, pad_value=0.5)",
    "U.make_grid(x, nrow=3, normalize=True)",
    "U.make_grid(list(x), normalize=True, scale_each=True, value_range=(-0.5, 0.5))",
    "U.make_grid(x[:, :1], nrow=4)",
    "U.make_grid(x[0])",
    "U.make_grid(x[0, 0])",
    "U.make_grid(x[:1], padding=3)",
    "U.make_grid((x * 100).to(torch.uint8), padding=1, pad_value=7)",
]

DRAWINGS = [  # on a uint8 image c, a float one f and a grey one g, of 30 x 40; boxes b, masks m, points p
    "U.draw_bounding_boxes(c, b)",
    "U.draw_bounding_boxes(f, b, colors=['red', (1, 200, 30)], width=3, fill=True)",
    "U.draw_bounding_boxes(g, b, labels=[None, None], colors='#FF00FF')",
    "U.draw_segmentation_masks(c, m)",
    "U.draw_segmentation_masks(f, m[0], alpha=0.3, colors='orange')",
    "U.draw_keypoints(c, p, colors='red')",
    "U.draw_keypoints(f, p, [(0, 1), (1, 2)], (0, 9, 255), 4, 1, visibility=torch.tensor([[1, 1, 0], [1, 0, 1]]))",
]
BOXES = [  # of two sets of boxes, a and b, and scores s
    "O.box_area(a)",
    "O.box_iou(a, b)",
    "O.nms(a, s, 0.3)",
    "O.batched_nms(a, s, torch.arange(len(s)) % 2, 0.1)",
    *[f"O.box_convert(O.box_convert(a, 'xyxy', '{kind}'), '{kind}', '{other}')"
      for kind in ("xywh", "cxcywh", "xyxy") for other in ("xyxy", "cxcywh", "xywh")],
]  # fmt: skip


def grid(expression: str, U: Any, torch: Any) -> np.ndarray[Any, Any]:
    """What an expression of U (vision.utils) makes."""
    x = torch.arange(5 * 3 * 4 * 6).reshape(5, 3, 4, 6) / 360.0
    return np.asarray(eval(expression, {"U": U, "torch": torch, "x": x}).numpy())


def drawing(expression: str, U: Any, torch: Any) -> np.ndarray[Any, Any]:
    """The picture that an expression of U (vision.utils) makes."""
    colour = (torch.arange(3 * 30 * 40).reshape(3, 30, 40) * 7 % 256).to(torch.uint8)
    given = {
        "c": colour,
        "f": colour / 255.0,
        "g": colour[:1],
        "b": torch.tensor([[2.0, 3, 20, 25], [10, 1, 38.7, 12]]),
        "m": torch.stack([colour[0] > 99, colour[1] < 150]),
        "p": torch.tensor([[[3.0, 4], [20, 9], [30, 20]], [[9, 25], [5, 5], [33, 28.8]]]),
    }
    return np.asarray(eval(expression, {"U": U, "torch": torch, **given}).numpy())


def boxes(expression: str, ops: Any, torch: Any) -> np.ndarray[Any, Any]:
    """What an expression of O (vision.ops) makes."""
    corners = (torch.arange(96).reshape(24, 4) * 37 % 61).float()
    a = torch.cat([torch.minimum(corners[:, :2], corners[:, 2:]), torch.maximum(corners[:, :2], corners[:, 2:]) + 1], 1)
    scores = (torch.arange(24) * 29 % 24).float()
    return np.asarray(eval(expression, {"O": ops, "torch": torch, "a": a, "b": a[::3] + 4, "s": scores}).numpy())


def fakes(D: Any, T: Any) -> list[np.ndarray[Any, Any]]:
    """Images and labels of FakeData (D: vision.datasets)."""
    data = D.FakeData(3, (3, 5, 4), 7, transform=T.PILToTensor(), random_offset=2)
    return [np.append(image.numpy().ravel(), label) for image, label in (data[i] for i in range(3))]
