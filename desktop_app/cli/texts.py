"""Every text the command line prints, except error sentences, which are in the two modules named `errors`."""

from __future__ import annotations

DESCRIPTION = "Chat with a model about your pictures. Everything stays on this computer."
EPILOG = """\
commands:
  ask        ask about pictures in the terminal, without a window
  models     list, download, verify, import, export and delete models
  plan       show whether a model fits in memory, without loading it
  tune       find the fastest settings for a model on this computer
  doctor     show versions, memory, folders and how the built-in model loads
  self-test  check that this installation works

Each command has its own --help. If a picture has the name of a command, write ./ask.
"""
PICTURES = "pictures to attach to the first message of the window"
NO_SUCH_FILE = "there is no file and no command called “{name}”"
VERSION = "show the version and exit"

ASK_DESCRIPTION = "Ask questions, with or without pictures. Answers are written to standard output."
ASK_PICTURES = "picture files; - reads a picture from standard input"
ASK_QUESTION = (
    "a question; repeat it to ask several, in order, in one conversation; - reads it from standard input "
    "(default: to describe the pictures)"
)
ASK_MODEL = "an installed model (see eyebright models list) or a GGUF file (default: the built-in demonstration model)"
ASK_MMPROJ = "the projector that belongs to the GGUF file; needed for pictures"
ASK_GREEDY = "always choose the most likely token; the same as --temperature 0"
ASK_TEMPERATURE = "sampling temperature, 0 to 2: higher means more varied answers (default: {default})"
ASK_SEED = "seed for sampling: the same seed gives the same answer (default: a new one each time)"
ASK_MAX_TOKENS = "most tokens in an answer (default: {default})"
ASK_SYSTEM = "system prompt to use instead of the model's own"
ASK_CONTEXT = "context size in tokens (default: {default}, or less if the model was trained with less)"
ASK_LOOK = (
    "how closely to look at pictures: quick reads a third of each, or one part instead of several, which is much "
    "faster; whole reads everything; automatic looks quickly, unless a question asks for text or numbers or a picture "
    "is a document. Default: whole, because here nothing is read after the answer that a quick look has left out"
)
NOTE_QUICK_LOOK = "eyebright: quick look: {rows} of {all} tokens of the pictures were read."
ASK_PICTURE_TOKENS = (
    "how many tokens a picture may take, with models that let one choose, such as Gemma 4: 70, 140, 280, 560 or 1120; "
    "more show smaller things, and take longer"
)
ASK_THINK = "let the model think before it answers, if it can; what it thinks is not printed, but --json has it"
ASK_JSON = "print one line of JSON for each answer, with its statistics and how sure the model was of it"
PLAN_DESCRIPTION = """\
Show how much memory a model needs and how it would be loaded. Only the headers of its files are read.
The exit code is 0 if the model fits, perhaps with a shorter context, and 3 if it does not."""
PLAN_MODEL = "an installed model (see eyebright models list) or a language model file (GGUF)"
PLAN_MMPROJ = "the projector that belongs to the GGUF file"
PLAN_MEMORY = "plan for a computer with this much memory, such as 8G (default: this computer, as it is now)"
PLAN_JSON = "print one JSON object; sizes are in bytes"
TUNE_DESCRIPTION = """\
Find the fastest settings for a model on this computer and save them. It takes less than a minute.
The window and eyebright ask then load the model with these settings. Close other programs first.
With --weights: measure how fast this computer is with each quantisation, which eyebright models search then shows."""
TUNE_WEIGHTS = "measure each quantisation with random weights, in less than a minute; no model is needed"
TUNE_WHAT = "name a model, or use --weights"
TUNE_JSON = "print one JSON object; speeds are in tokens per second"
MODELS_REMOVE_YES = "delete without asking, also on a terminal"
MODELS_DESCRIPTION = "Manage the models on this computer and download others."
MODELS_EPILOG = """\
commands:
  list               show installed models
  search [WORD...]   show models to download, from the catalogue and Hugging Face
  download ID        download a model from the catalogue or from a repository (owner/name)
  verify [ID...]     check the files of all models, or of these, against their hashes
  repair ID          download the damaged files of a model again
  import FILE...     add model files that are already on this computer, or folders of them
  export ID FOLDER   copy a model to a folder, for a computer without a network
  remove ID          delete a model
  where              show where models are kept and how much space is free
  move FOLDER        move all models to another folder or disk

Each command has its own --help. To continue a command that was interrupted, run it again.
"""
MODELS_COMMAND = "one of the commands below"
MODELS_COMMANDS = {
    "list": "Show installed models, the most recently used first.",
    "search": "Show models to download. Words are searched for in the catalogue and on Hugging Face. With owner/name, "
    "show the models in that repository and whether they fit this computer.",
    "download": "Download a model. If the download is interrupted, run the command again to continue it.",
    "verify": "Check model files against their hashes. The exit code is 1 if a file is damaged or missing.",
    "repair": "Check the files of a model and download the damaged ones again.",
    "import": "Add GGUF files, llamafiles, folders of them, or exported folders.",
    "export": "Copy a model with its hashes and licence to a folder. Import it from there on another computer.",
    "remove": "Delete a model and show how much space that frees. Files that are used in place are kept. On a "
    "terminal it asks first.",
    "where": "Show where models are kept and how much space is free.",
    "move": "Move all models. The old folder is emptied once every file has been copied and checked.",
}
MODELS_SEARCHED = "words to search for, or owner/name (default: show the whole catalogue)"
MODELS_FOR = (
    "sort the catalogue for this wish: photos, documents, languages or speed (default: what suits this computer first)"
)
MODELS_DOWNLOADED = "a model from the catalogue, or owner/name"
MODELS_QUANTISATION = "which quantisation, such as Q4_K_M (default: the one recommended for this computer)"
MODELS_ACCEPT = "accept the terms of the licence, which you have read"
MODELS_IMPORTED = (
    "a GGUF file (of a split model any one), llamafile or folder; with --found, the title of a model of another program"
)
MODELS_IN_PLACE = "use the files where they are, without copying them"
MODELS_IMPORT_FOUND = "use models of other programs, named as `list --found` shows them"
MODELS_ID = "the id of the model, as `list` shows it"
MODELS_ID_OR_ALL = "ids of models, as `list` shows them (default: all models)"
MODELS_EXPORT_FOLDER = "the folder to copy to, such as one on a USB stick"
MODELS_MOVE_FOLDER = "the new folder for models"
MODELS_LIST_FOUND = "show models that other programs have downloaded"
MODELS_JSON = "print one JSON object; sizes are in bytes"

DOCTOR_DESCRIPTION = "Show versions, memory, folders and how the built-in model loads, to help find a problem."
SELF_TEST_DESCRIPTION = (
    "Check that this installation works. Each check prints one line. The exit code is 1 if a check fails."
)

ERROR = "eyebright: {sentence}"
BUG = "eyebright: This is a bug in Eyebright. Nothing was sent anywhere. Please report the text below."
USAGE = "eyebright: {problem}. See {command} --help."
UNKNOWN_WORDS = "unrecognized arguments: {words}"
MMPROJ_ALONE = "--mmproj needs --model"
ONE_STANDARD_INPUT = "only one picture or one question can come from standard input"
EMPTY_NAME = "must not be empty"
WHOLE_NUMBER = "must be a whole number from {low} to {high}"
NUMBER = "must be a number from {low} to {high}"

STANDARD_INPUT = "standard input"
STATUS_WEIGHTS = "Measuring {quantisation}, {seconds} s so far …"
STATUS_MEASURING = "Finding the fastest settings, {seconds} s so far …"
STATUS_LOADING = "Loading the model …"
STATUS_LOOKING = "Looking at picture {number} of {count} …"
STATUS_LOOKING_PARTS = "Looking at picture {number} of {count}, part {part} of {parts} …"
STATUS_THINKING = "Thinking …"
STATUS_READING = "Reading {done} of {total} tokens …"
NOTE = "eyebright: {sentence}"
NOTE_PIPED = "eyebright: What comes through the pipe is not read. Use -p - to ask it as a question."
NOTE_PHOTOGRAPH = (
    "eyebright: {name} looks like a photograph. The built-in model knows only simple drawings. "
    "Choose another model with --model."
)
NOTE_DROPPED_ONE = "eyebright: The context is full. The model no longer sees the first question."
NOTE_DROPPED = "eyebright: The context is full. The model no longer sees the first {turns} questions."
NOTE_PARTS = (
    "eyebright: The context is too small for all parts of the pictures. One is seen in {parts} parts "
    "instead of {requested}. Set a longer context with --context."
)
NOTE_PICTURE_TOKENS = (
    "eyebright: The context is too small for so many tokens of a picture. One is seen in {parts} instead of "
    "{requested}. Set a longer context with --context."
)
NOTE_LONGEST_ANSWER = (
    "eyebright: The answer was cut off after {tokens} tokens. Set a higher limit with --max-tokens or --context."
)
NOTE_LONGEST_THOUGHT = (
    "eyebright: It was still thinking after {tokens} tokens. Set a higher limit with --max-tokens or --context, or "
    "leave out --think."
)
NOTE_REDUCED = (
    "eyebright: The context is {n_ctx} tokens instead of {requested}. A context of {requested} would need {needed} GB "
    "of memory, and {available} GB can be used."
)

MODELS_NONE = "No model is installed. The built-in model is always there. To find others: eyebright models search"
MODELS_NOTHING_FOUND = "No models of other programs were found."
MODELS_NO_RESULTS = "No model was found. Try other words, or none to see the whole catalogue."
MODELS_STATES = {
    "ok": "ok",
    "unverified": "not verified",
    "changed": "DAMAGED",
    "missing": "MISSING",
}
MODELS_WORDING = "{title}: {sentence}"
MODELS_HEAD = ("ID", "SIZE", "STATE", "LICENCE", "LAST USED", "TITLE")
MODELS_HEAD_FOUND = ("PROGRAM", "SIZE", "SEES", "TITLE")
MODELS_HEAD_SEARCH = ("ID", "FILES", "SIZE", "FITS", "SEES", "LICENCE", "TITLE")
MODELS_HEAD_SPEED, MODELS_HEAD_LOSS = ("READS", "WRITES"), "LOSES"
MODELS_FASTEST, MODELS_LEAST = "{speed} fastest", "{loss} least"
MODELS_LOSS_NOTE = """\
READS and WRITES (once eyebright tune --weights has measured them): about how many tokens per second on this computer.
LOSES: by how much this quantisation raises the perplexity of Llama 3 8B ({source})."""
MODELS_YES_NO = {True: "yes", False: "no"}
MODELS_FITS = {"fits": "yes", "reduced": "with {n_ctx} tokens", "too-large": "no", "": "cannot be loaded"}
MODELS_TOO_LARGE = "eyebright: {title} needs at least {needed} GB of memory, and {usable} GB can be used."
MODELS_NEVER = "never"
MODELS_IN_PLACE_NOTE = "in place"
MODELS_ON_THE_HUB = "On {host}:"
MODELS_HUB_SILENT = "eyebright: Only the catalogue was searched. {sentence}"
MODELS_VERIFIED = "{title}: all files are ok."
MODELS_WRONG_FILE = "{title}: {name} is {state}."
MODELS_REPAIR_HINT = "To download these files again: eyebright models repair {id}"
MODELS_WHOLE = "{title} has nothing to repair."
MODELS_REPAIRED = "{title} is repaired."
MODELS_INSTALLED = "{title} is installed. To use it: --model {id}"
MODELS_HERE = "This model is here already, as {title}. To use it: --model {id}"
MODELS_BLIND = "{title} cannot see pictures without its projector (mmproj). If it has one, import both files together."
MODELS_EXPORTED = "{title} was exported to {folder}. On the other computer, run: eyebright models import {folder}"
MODELS_REMOVED = "{title} was deleted. That freed {size}."
MODELS_LET_GO = "{title} was removed from the list. Its files stay where they are."
MODELS_WAS_CHOSEN = (
    "eyebright: This was the chosen model. An open window changes to the built-in model; the next one begins with it."
)
MODELS_REMOVE_ASK = "Delete {title}? This frees {size}. [y/N]"
MODELS_LET_GO_ASK = "Remove {title} from the list? Its files stay where they are. [y/N]"
MODELS_YES = ("y", "yes")
MODELS_KEPT = "{title} was kept."
MODELS_WHERE = "{folder}\n{models}, {size}. {free} free on this disk."
MODELS_COUNT_ONE = "1 model"
MODELS_COUNT = "{count} models"
MODELS_MOVED = "All models are now in {folder}."
MODELS_MOVE_UNFINISHED = "eyebright: A move was interrupted. To continue it: eyebright models move {folder}"
MODELS_TERMS = "eyebright: {title} has the licence {licence} ({url})."
MODELS_WAITING = "{sentence} Trying again in {seconds} s …"
PROGRESS_LINE = "{name}: {percent} % ({done} of {total}){speed}{left}"
PROGRESS_SPEED = ", {speed}/s"
PROGRESS_LEFT = ", {left} left"
PROGRESS_STEPS = {"copying": "Copying {name}", "checking": "Checking {name}"}

PLAN_LINE = "{label:<22} {mb:>8} MB"
PLAN_PARTS = {
    "weights": "Weights",
    "repacked": "Repacked weights",
    "kv_cache": "KV cache",
    "recurrent_state": "Recurrent state and its checkpoints",
    "compute_buffers": "Compute buffers",
    "projector": "Projector",
    "encoder_buffers": "Encoding a picture",
    "decoded_photo": "Decoding a photograph",
    "embeddings": "Picture embeddings",
    "save_buffers": "Saving the KV cache",
    "program": "The program itself",
}
PLAN_NEEDED = "Needed"
PLAN_USABLE = "Usable"
PLAN_FREE = "Free now"
PLAN_FITS = "The model fits."
PLAN_FITS_REDUCED = "The model fits with a context of {n_ctx} tokens. {requested} tokens would need {needed} MB."
PLAN_OFFER = "A smaller file of the same model ({offer}) would fit."
PLAN_TOO_LARGE = "The model does not fit. It needs at least {needed} MB, and {available} MB can be used."
PLAN_CROWDED = "Other programs are using memory that the model needs. Close some, or answers will be slow."
PLAN_BLIND = (
    "Pictures are left out: without its projector (mmproj) the model cannot see them. To plan for both, name the "
    "projector after the model."
)
PLAN_CONTEXT = "Context of {n_ctx} tokens, read in batches of {n_ubatch}."
PLAN_KV_F16 = "KV cache in f16, without flash attention: the fastest."
PLAN_KV_F16_FLASH = "KV cache in f16, with flash attention: measured as the fastest on this computer."
PLAN_KV_Q8_0 = "KV cache in q8_0, with flash attention: half the size, but slower answers."
PLAN_PROJECTOR_SMALL = "A smaller copy of the projector (q8_0), made once. Pictures look nearly the same to the model."
PLAN_TUNED = "Measured on this computer: {what}"
PLAN_PROJECTOR_IN_TURN = "The projector is loaded for each new picture (about a second), then unloaded."
PLAN_WEIGHTS_MAPPED = "Weights memory-mapped from the file: quick to load, and never in memory twice."
PLAN_WEIGHTS_REPACKED = "Weights repacked for this processor."
PLAN_WEIGHTS_BOTH = "Weights memory-mapped for reading, and repacked for this processor for writing."

TUNE_LINE = "{mode:<42} {threads:>7}  {what:<16} {speed:>8}"
TUNE_MODE = "Weights"
TUNE_THREADS = "threads"
TUNE_SPEED = "tokens/s"
TUNE_READING = "reading by {batch}"
TUNE_WRITING = "writing"
TUNE_FAILED = "failed: {why}"
TUNE_CHOSEN = "\nChosen: {what}\nMeasured in {seconds} s and saved."
TUNE_NOT_MEASURED = {
    "tiny": "There is nothing to tune: this model is so small that it runs on one core.",
    "no-memory": "There is not enough free memory to measure this model. Close other programs and try again.",
    "too-slow": "Measuring took too long. Close other programs and try again, or choose a smaller model.",
    "failed": "The model could not be loaded. To see why, ask it something with eyebright ask.",
    "disturbed": "Other programs disturbed the measurement. Close them and try again.",
}
WEIGHTS_NOT_MEASURED = {
    "no-memory": "There is not enough free memory to measure. Close other programs and try again.",
    "disk-full": "The disk is too full to measure: this takes about 0.5 GB for a moment. Free some space.",
    "too-slow": "Measuring took too long. Close other programs and try again.",
    "failed": "The speed of the quantisations could not be measured on this computer.",
    "disturbed": TUNE_NOT_MEASURED["disturbed"],
}
WEIGHTS_HEAD = ("QUANTISATION", "LAYOUT", "READS", "WRITES")
WEIGHTS_NOTE = "In tokens per second, for 7 billion weights. Saved; eyebright models search tells it of each model."
TUNING_IS = "{mode}; {threads}; batches of {n_ubatch}; reads {read}, writes {written} tokens/s (measured {date})"
TUNING_MAPPED = "mapped"
TUNING_REPACKED = "repacked for the processor"
TUNING_BOTH = "mapped for reading, repacked for writing"
TUNING_FLASH = "flash attention"
TUNING_THREADS = "{reading} threads for reading, {writing} for writing"
TUNING_THREADS_SAME = "threads: {reading}"

DOCTOR_LINE = "{label:<22} {value}"
DOCTOR_VERSION = "Eyebright"
DOCTOR_SYSTEM = "System"
DOCTOR_PROCESSOR = "Processor"
DOCTOR_CORES = "{logical} logical cores, {physical} physical, {fast} of them fast"
DOCTOR_FEATURES = "Processor features"
DOCTOR_MEMORY = "Memory"
DOCTOR_MEMORY_OF = "{available:.1f} of {total:.1f} GB available"
DOCTOR_MEMORY_TOTAL = "{total:.1f} GB"
DOCTOR_UNKNOWN = "unknown"
DOCTOR_NONE = "no features"
DOCTOR_SETTINGS = "Settings"
DOCTOR_HISTORY = "Conversations"
DOCTOR_PICTURES = "Pictures"
DOCTOR_CACHE = "Cache"
DOCTOR_LOGS = "Logs"
DOCTOR_MODEL = "Built-in model"
DOCTOR_MODEL_LOADED = "loaded in {seconds:.1f} s, threads: {threads}, context: {n_ctx} tokens"
DOCTOR_USED_FEATURES = "llama.cpp uses"
DOCTOR_USED = "{features} of the processor"
DOCTOR_BUILT_WITH = "{used}; built with {parts}"
DOCTOR_PLAN = "Memory plan"
DOCTOR_REDUCED = "context shortened from {requested}"
DOCTOR_SMALL_PROJECTOR = "smaller copy of the projector"
DOCTOR_IN_TURN = "projector unloaded after use"
DOCTOR_PLAN_IS = (
    "context of {n_ctx} tokens (KV cache in {kv_type}), read in batches of {n_ubatch}; needs {needed} GB of {usable} "
    "that can be used"
)
DOCTOR_CLASS_TOKEN = "Class token"
DOCTOR_CLASS_TOKENS = {
    "corrected": "put in its right place; llama.cpp has it in a wrong one (llama.cpp#25814)",
    "not-needed": "in its right place",
    "unknown": "UNKNOWN ORDER: pictures may be misread",
    "none": "no projector",
}
DOCTOR_LAST_LAYER = "Last layer of CLIP"
DOCTOR_LAST_LAYERS = {
    "complete": "used, as it should be",
    "corrected": "used, through a corrected copy of the projector (llama.cpp#25817)",
    "missing": "NOT USED: the model sees pictures less clearly",
    "none": "no projector",
}
DOCTOR_ACTIVATION = "Activation of the eyes"
DOCTOR_ACTIVATIONS = {
    "right": "as it should be",
    "corrected": "stated in a corrected copy of the projector; the file itself leaves it out",
    "unstated": "NOT STATED: the model sees pictures less clearly",
    "none": "no projector",
}
DOCTOR_WARNINGS = "Warnings of llama.cpp"
DOCTOR_WARNINGS_NONE = "none (those of other models are in the log)"
DOCTOR_PRE_TOKENIZER = "Splitting of text"
DOCTOR_PRE_TOKENIZER_STATED = "by the rules “{name}”, which the file of the model in use names"
DOCTOR_PRE_TOKENIZER_ASSUMED = "by the rules “{name}”, assumed: the file of the model in use names none"
DOCTOR_PRE_TOKENIZER_NONE = "by the usual rules of llama.cpp: the file of the model in use names none"
DOCTOR_WORDING = "Spoken to as"
DOCTOR_TUNING = "Measured settings"
DOCTOR_TUNING_BUILT_IN = "none (the built-in model is too small to need any)"
DOCTOR_TUNING_NONE = "none yet for this model (see eyebright tune --help)"
DOCTOR_FAILED = "FAILED: {sentence}"

TEST_PASSED = "ok      {check}: {detail}"
TEST_FAILED = "FAILED  {check}: {detail}"
TEST_FORMATS = "picture formats"
TEST_DATABASE = "conversations"
TEST_WINDOW = "window"
TEST_WINDOW_WORKS = "Qt {qt} on {platform}"
TEST_WINDOW_ENDED = "Qt ended with {code}"
#: Check -> what is printed when it passes, and when it fails.
TEST_LOOKS = {
    "fonts": ("{families} families, usually {family}", "{families} families, but {family} cannot be drawn"),
    "icons": (
        "the program icon in {sizes} sizes, and the button icons",
        "an icon is missing (the program icon was found in {sizes} sizes)",
    ),
    "translations": (
        "those of Qt in {qt} languages, those of Eyebright in {ours} besides English",
        "some are missing or damaged (those of Qt were found in {qt} languages; damaged ones of Eyebright: [{broken}])",
    ),
}
SELF_TEST_WINDOW = "run only the checks of the window library, and print the results as JSON"
TEST_ENGINE = "engine"
TEST_FORMATS_WRONG = "a {kind} picture has wrong colours"
TEST_DATABASE_WORKS = "a message was saved and found again"
TEST_DATABASE_WRONG = "a saved message was not found again"
TEST_ENGINE_READY = "model loaded, {image_tokens} tokens per picture, class token {class_token}"
TEST_ANSWER = "built-in model"
TEST_ANSWER_IS = "{answer!r} in {seconds:.2f} s"
TEST_ANSWER_WRONG = "the answer should contain {expected}, but is {answer!r}"
TEST_MEMORY = "second question"
TEST_MEMORY_WORKS = "{reused} tokens reused, {evaluated} evaluated, picture not encoded again"
TEST_MEMORY_WRONG = "{reused} tokens reused, {encodes} pictures encoded again, but the picture should have been reused"
TEST_QUESTION = "What is in the picture?"
TEST_FOLLOW_UP = "What color is the circle?"
