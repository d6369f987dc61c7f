"""The analyser: fold a text, cut it into words, know a word's forms."""
