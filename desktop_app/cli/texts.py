"""Every text of the command line, except the sentences of errors, which stand in `desktop_app.errors`."""

from __future__ import annotations

DESCRIPTION = "Talk with your computer about your pictures. Everything stays on this computer."
EPILOG = """\
commands:
  ask        ask about pictures here, without a window
  models     list, fetch, check, import, export and delete models
  plan       tell whether a model fits into memory, without loading it
  tune       find the fastest settings for a model on this computer
  doctor     show versions, memory and what the engine makes of this computer
  self-test  ask the built-in model about a drawn picture, and check the rest

Each has its own --help. A picture with the name of a command is written ./ask.
"""
PICTURES = "pictures to attach to the first message of the window"
VERSION = "print the version and end"

ASK_DESCRIPTION = "Ask about pictures, or about nothing in particular. Answers go to standard output."
ASK_PICTURES = "picture files; - is standard input"
ASK_QUESTION = "a question; several are asked one after the other in one conversation"
ASK_MODEL = "installed model (see eyebright models list) or GGUF file (default: the built-in demonstration model)"
ASK_MMPROJ = "the projector (GGUF) of a GGUF file, needed for pictures"
ASK_GREEDY = "always take the likeliest token; the same as --temperature 0"
ASK_TEMPERATURE = "how freely tokens are chosen, 0 to 2 (default: {default})"
ASK_SEED = "the same number gives the same answer (default: a new one each time)"
ASK_MAX_TOKENS = "longest answer in tokens (default: {default})"
ASK_SYSTEM = "system prompt instead of the one the model was trained with"
ASK_CONTEXT = "context in tokens (default: {default}, or what the model was trained for if that is less)"
ASK_GLANCE = "see pictures as a whole only, with models that look at parts of them as well (LLaVA-1.6): much sooner"
ASK_JSON = "one JSON object a line for each answer, with its figures"
PLAN_DESCRIPTION = """\
Tell how much memory a model needs, and how it would be loaded, from the headers of its files alone.
The exit code is 0 if it fits, with a shorter context if need be, and 3 if it does not."""
PLAN_MODEL = "installed model (see eyebright models list) or language model (GGUF)"
PLAN_MMPROJ = "the projector (GGUF) of a GGUF file"
PLAN_MEMORY = "plan for a computer with so much memory, such as 8G (default: this one, as it is now)"
PLAN_JSON = "one JSON object; sizes in bytes"
TUNE_DESCRIPTION = """\
Find the fastest settings for a model on this computer, in less than a minute, and keep them: the window and
eyebright ask load the model with them from then on. Let nothing else run meanwhile."""
TUNE_JSON = "one JSON object; speeds in tokens per second"
MODELS_DESCRIPTION = "The models of this computer, and those that can be fetched."
MODELS_EPILOG = """\
commands:
  list               what is installed
  search [WORD...]   what can be fetched: from the catalogue, or any repository of the Hub
  download ID        fetch a model of the catalogue, or of any repository (owner/name)
  verify [ID]        read all files, or those of one model, and compare them with their hashes
  repair ID          fetch again what is damaged of a model
  import FILES...    add files that are already here, or folders of them
  export ID FOLDER   copy a model to a stick, for a computer without a network
  remove ID          delete a model
  where              where models are kept, and how much room there is
  move FOLDER        move all models to another folder or disk

Each has its own --help. Commands that were cut short go on where they were when they are typed again.
"""
MODELS_COMMAND = "one of the commands below"
MODELS_COMMANDS = {
    "list": "List what is installed, the last used first.",
    "search": "Look for models that can be fetched: words are looked for in the catalogue and on the Hub; owner/name "
    "lists the files of one repository, and whether they fit this computer.",
    "download": "Fetch a model. Cut short by whatever, it goes on where it was.",
    "verify": "Read all files and compare them with their hashes. The exit code is 1 if one is wrong.",
    "repair": "Read a model's files and fetch again what is wrong with them.",
    "import": "Add GGUF files, folders of them, llamafiles, and folders that were exported.",
    "export": "Copy a model with its hashes and licence into a folder, from which import takes it.",
    "remove": "Delete a model and say what that frees. Files that are used in place are left alone.",
    "where": "Show where models are kept, and how much room there is.",
    "move": "Move all models. The old place is cleared when everything has arrived and was checked.",
}
MODELS_SEARCHED = "words, or owner/name (default: everything in the catalogue)"
MODELS_DOWNLOADED = "a model of the catalogue, or owner/name"
MODELS_QUANTISATION = "which of its files, such as Q4_K_M (default: the one that is recommended for this computer)"
MODELS_ACCEPT = "you have read and accept the terms of its licence"
MODELS_IMPORTED = "GGUF file, llamafile or folder; with --found the title of a model of another program"
MODELS_IN_PLACE = "use the files where they lie, and copy nothing"
MODELS_IMPORT_FOUND = "use what another program has fetched: titles as `list --found` shows them"
MODELS_ID = "its id, as `list` shows it"
MODELS_ID_OR_ALL = "its id, as `list` shows it (default: all models)"
MODELS_EXPORT_FOLDER = "the folder of a stick, for instance"
MODELS_MOVE_FOLDER = "where models are to be kept"
MODELS_LIST_FOUND = "list what other programs have fetched"
MODELS_JSON = "one JSON object on standard output; sizes in bytes"

DOCTOR_DESCRIPTION = "Show what helps to find a problem: versions, memory, folders and the engine's view."
SELF_TEST_DESCRIPTION = "Check that this installation works. One line for each check; the exit code is 1 if one fails."

ERROR = "eyebright: {sentence}"
BUG = "eyebright: This is a bug in Eyebright. Nothing was sent anywhere; please report what follows."
USAGE = "eyebright: {problem}. See {command} --help."
UNKNOWN_WORDS = "unrecognized arguments: {words}"
MMPROJ_ALONE = "--mmproj needs --model"
WHOLE_NUMBER = "must be a whole number from {low} to {high}"
NUMBER = "must be a number from {low} to {high}"

STANDARD_INPUT = "standard input"
STATUS_MEASURING = "Finding the fastest settings for this computer, {seconds} s so far …"
STATUS_LOADING = "Loading the model …"
STATUS_LOOKING = "Looking at picture {number} of {count} …"
STATUS_LOOKING_PARTS = "Looking at picture {number} of {count}, part {part} of {parts} …"
STATUS_READING = "Reading {done} of {total} tokens …"
NOTE_PHOTOGRAPH = (
    "eyebright: {name} looks like a photograph. The built-in model knows only simple drawn scenes; "
    "name another one with --model and --mmproj."
)
NOTE_DROPPED_ONE = "eyebright: The context is full: the model no longer sees the first question."
NOTE_DROPPED = "eyebright: The context is full: the model no longer sees the first {turns} questions."
NOTE_PARTS = (
    "eyebright: The context has no room for all parts of the pictures: one is seen in {parts} instead of {wished}. "
    "A longer one (--context) has more room."
)
NOTE_REDUCED = (
    "eyebright: The context is {n_ctx} tokens instead of {wished}, which would need {needed} GiB of memory; "
    "{available} GiB can be used."
)

MODELS_NONE = "No model is installed. The built-in one always works; `eyebright models search llava` finds others."
MODELS_NOTHING_FOUND = "No models of other programs were found."
MODELS_NO_RESULTS = "Nothing was found."
MODELS_STATES = {
    "ok": "ok",
    "unverified": "not verified",
    "changed": "DAMAGED",
    "missing": "MISSING",
}
MODELS_HEAD = ("ID", "SIZE", "STATE", "LICENCE", "LAST USED", "TITLE")
MODELS_HEAD_FOUND = ("PROGRAM", "SIZE", "SEES", "TITLE")
MODELS_HEAD_SEARCH = ("ID", "FILES", "SIZE", "FITS", "SEES", "LICENCE", "TITLE")
MODELS_YES_NO = {True: "yes", False: "no"}
MODELS_FITS = {"fits": "yes", "reduced": "with {n_ctx} tokens", "too-large": "no", "": "cannot be loaded"}
MODELS_TOO_LARGE = "eyebright: {title} needs at least {needed} GiB of memory, and {usable} GiB can be used."
MODELS_NEVER = "never"
MODELS_IN_PLACE_NOTE = "in place"
MODELS_ON_THE_HUB = "On {host}:"
MODELS_HUB_SILENT = "eyebright: {sentence} Only the catalogue was searched."
MODELS_VERIFIED = "{title}: all files are right."
MODELS_WRONG_FILE = "{title}: {name} is {state}."
MODELS_REPAIR_HINT = "`eyebright models repair {id}` fetches again what is wrong."
MODELS_WHOLE = "{title} is in order; there is nothing to repair."
MODELS_REPAIRED = "{title} is in order again."
MODELS_INSTALLED = "{title} is installed. Use it with --model {id}"
MODELS_EXPORTED = "{title} was exported to {folder}. On the other computer: eyebright models import {folder}"
MODELS_REMOVED = "{title} was deleted; {size} are free again."
MODELS_LET_GO = "{title} is no longer listed; its files stay where they are."
MODELS_WAS_CHOSEN = "eyebright: It was the model of the window, which takes the built-in one from now on."
MODELS_WHERE = "{folder}\n{models} in {size}; {free} are free on that disk."
MODELS_COUNT_ONE = "1 model"
MODELS_COUNT = "{count} models"
MODELS_MOVED = "All models are in {folder} now."
MODELS_MOVE_UNFINISHED = "eyebright: A move was cut short. `eyebright models move {folder}` goes on with it."
MODELS_TERMS = "eyebright: {title} is under the licence {licence} ({url})."
MODELS_WAITING = "{sentence} Trying again in {seconds} s …"
PROGRESS_LINE = "{name}: {percent} % ({done} of {total}){speed}{left}"
PROGRESS_SPEED = ", {speed}/s"
PROGRESS_LEFT = ", {left} left"
PROGRESS_STEPS = {"copying": "Copying {name}", "checking": "Checking {name}"}

PLAN_LINE = "{label:<22} {mib:>8} MiB"
PLAN_PARTS = {
    "weights": "Weights",
    "repacked": "Repacked weights",
    "conversation": "Conversation (KV)",
    "calculating": "Calculating",
    "projector": "Projector",
    "looking": "Looking at a picture",
    "photograph": "Decoding a photograph",
    "pictures": "Pictures as it saw them",
    "saving": "Saving",
    "program": "Window and engine",
}
PLAN_NEEDED = "Needed"
PLAN_USABLE = "Usable"
PLAN_FREE = "Of that free now"
PLAN_FITS = "It fits."
PLAN_FITS_REDUCED = "It fits with {n_ctx} tokens instead of {wished}, which would need {needed} GiB."
PLAN_OFFER = "A smaller file of the same model ({offer}) would fit."
PLAN_TOO_LARGE = "It does not fit: with the least settings it needs {needed} GiB, and {available} GiB can be used."
PLAN_CROWDED = "Other programs hold memory that it needs: close some, or answers will be slow."
PLAN_CONTEXT = "Context of {n_ctx} tokens, {n_ubatch} read at once."
PLAN_KV_F16 = "Conversation in f16 without flash attention: the fastest."
PLAN_KV_F16_FLASH = "Conversation in f16 with flash attention: measured to be the fastest here."
PLAN_KV_Q8_0 = "Conversation in q8_0 with flash attention: half the size, but slower to write with."
PLAN_PROJECTOR_SMALL = "A small copy of the projector (q8_0), made once: it sees nearly the same."
PLAN_TUNED = "Measured on this computer: {what}"
PLAN_PROJECTOR_IN_TURN = "The projector is loaded for each new picture (about a second) and freed again."
PLAN_WEIGHTS_MAPPED = "Weights mapped from the file: loaded at once, and never held twice."
PLAN_WEIGHTS_REPACKED = "Weights copied and laid out anew for this processor."
PLAN_WEIGHTS_BOTH = "Weights mapped from the file, to read with, and laid out anew for this processor, to write with."

TUNE_LINE = "{way:<42} {threads:>7}  {what:<16} {speed:>8}"
TUNE_WAY = "Weights"
TUNE_THREADS = "threads"
TUNE_SPEED = "tokens/s"
TUNE_READING = "reading by {batch}"
TUNE_WRITING = "writing"
TUNE_FAILED = "failed: {why}"
TUNE_CHOSEN = "\nChosen: {what}\nMeasured in {seconds} s, and kept."
TUNE_NOT_MEASURED = {
    "tiny": "The model is so small that there is nothing to find: it runs on one core.",
    "no-memory": "There is not enough free memory to measure this model. Close other programs and try again.",
    "too-slow": "Measuring took too long: the computer is too slow, or too busy, for this model.",
    "failed": "The model could not be loaded to be measured. Ask it something to see why.",
    "disturbed": "Other programs disturbed the measurement, so it does not count. Try again when nothing else runs.",
}
TUNING_IS = "{way}; {threads}; {n_ubatch} read at once; reads {read}, writes {written} tokens/s (measured {date})"
TUNING_MAPPED = "mapped"
TUNING_REPACKED = "laid out anew for the processor"
TUNING_BOTH = "mapped to read, laid out anew for the processor to write"
TUNING_FLASH = "flash attention"
TUNING_THREADS = "{reading} threads to read, {writing} to write"
TUNING_THREADS_SAME = "threads: {reading}"

DOCTOR_LINE = "{label:<22} {value}"
DOCTOR_VERSION = "Eyebright"
DOCTOR_SYSTEM = "System"
DOCTOR_PROCESSOR = "Processor"
DOCTOR_CORES = "{logical} logical cores, {physical} physical, {fast} of them fast"
DOCTOR_FEATURES = "Processor features"
DOCTOR_MEMORY = "Memory"
DOCTOR_MEMORY_OF = "{available:.1f} of {total:.1f} GiB available"
DOCTOR_MEMORY_TOTAL = "{total:.1f} GiB"
DOCTOR_UNKNOWN = "unknown"
DOCTOR_SETTINGS = "Settings"
DOCTOR_HISTORY = "Conversations"
DOCTOR_PICTURES = "Pictures"
DOCTOR_CACHE = "Cache"
DOCTOR_LOGS = "Logs"
DOCTOR_MODEL = "Built-in model"
DOCTOR_MODEL_LOADED = "loaded in {seconds:.1f} s, threads: {threads}, context: {n_ctx} tokens"
DOCTOR_USED_FEATURES = "Used by llama.cpp"
DOCTOR_PLAN = "Memory plan"
DOCTOR_REDUCED = "context reduced from {wished}"
DOCTOR_SMALL_PROJECTOR = "small copy of the projector"
DOCTOR_IN_TURN = "projector freed after use"
DOCTOR_PLAN_IS = "{n_ctx} tokens in {kv_type}, {n_ubatch} at once; needs {needed} GiB of {usable} GiB usable"
DOCTOR_CLASS_TOKEN = "Class token"
DOCTOR_CLASS_TOKENS = {
    "corrected": "corrected (llama.cpp#25814)",
    "not-needed": "in its place without help",
    "unknown": "UNKNOWN ORDER: pictures may be misread",
    "none": "no projector",
}
DOCTOR_LAST_LAYER = "CLIP's last layer"
DOCTOR_LAST_LAYERS = {
    "complete": "runs without help",
    "corrected": "runs in a copy of the projector (llama.cpp#25817)",
    "missing": "LEFT OUT: pictures are seen less clearly",
    "none": "no projector",
}
DOCTOR_TUNING = "Measured settings"
DOCTOR_TUNING_BUILT_IN = "none: the built-in model is too small to need any"
DOCTOR_TUNING_NONE = "none yet for the model in use (see eyebright tune --help)"
DOCTOR_FAILED = "FAILED: {sentence}"

TEST_PASSED = "ok      {check}: {detail}"
TEST_FAILED = "FAILED  {check}: {detail}"
TEST_FORMATS = "picture formats"
TEST_DATABASE = "conversations"
TEST_WINDOW = "window"
TEST_WINDOW_WORKS = "Qt {qt} on {platform}"
TEST_WINDOW_ENDED = "Qt ended with {code}"
#: What is looked at -> what is said when it is well, and when it is not.
TEST_LOOKS = {
    "fonts": ("{families} families, usually {family}", "{families} families, and nothing to be seen of {family}"),
    "icons": (
        "the program's own in {sizes} sizes, and those of the buttons",
        "an icon is missing: {sizes} sizes are here",
    ),
    "translations": (
        "Qt's in {qt} languages, Eyebright's in {ours} beside English",
        "words are missing: Qt's in {qt} languages are here, and of Eyebright's these are damaged: [{broken}]",
    ),
}
SELF_TEST_WINDOW = "only look at the window's library, and print what was found as JSON"
TEST_ENGINE = "engine"
TEST_FORMATS_WRONG = "a {kind} comes out in wrong colours"
TEST_DATABASE_WORKS = "a message is kept and found again"
TEST_DATABASE_WRONG = "a message is not found again"
TEST_ENGINE_READY = "model loaded, {image_tokens} tokens a picture, class token {class_token}"
TEST_ANSWER = "built-in model"
TEST_ANSWER_IS = "{answer!r} in {seconds:.2f} s"
TEST_ANSWER_WRONG = "the answer should name {expected}: {answer!r}"
TEST_MEMORY = "second question"
TEST_MEMORY_WORKS = "{reused} tokens reused, {evaluated} evaluated, picture not encoded again"
TEST_MEMORY_WRONG = "{reused} tokens reused, {encodes} pictures encoded again"
TEST_QUESTION = "What is in the picture?"
TEST_FOLLOW_UP = "What color is the circle?"
