"""What all pages share, made once: templates, assets, and what was read of the journal."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from condafs.spec.credentials import mask_credentials
from condafs.web.ids import build_id
from condafs.web.page.assets import load_assets
from condafs.web.page.disk_use import DiskUse
from condafs.web.page.journal import Askers
from condafs.web.page.moments import count_text, distance_text, signed_size
from condafs.wording import size_text

TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Belongs to a house."""

    def __init__(self) -> None:
        self.assets = load_assets()
        self.by_url = {asset.url: asset for asset in self.assets.values()}
        self.askers = Askers()
        self.disk = DiskUse()
        self.templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.templates.filters |= {
            "size": size_text,
            "signed_size": signed_size,
            "duration": distance_text,
            "count": count_text,
            "masked": mask_credentials,
            "build_id": build_id,
        }
        self.templates.globals["asset"] = lambda name: self.assets[name].url
