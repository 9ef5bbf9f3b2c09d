"""A guestbook: pages, a form, pictures, and entries that appear while one looks."""

from .component import GuestbookComponent

__all__ = ("GuestbookComponent",)
