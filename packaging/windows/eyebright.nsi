; The installer for Windows: for one person, without an administrator, without a question.
;
; packaging/release/windows.py calls makensis with what changes:
;   VERSION, NUMBERS (four of them), SIZE (KiB), HOME, PUBLISHER, SUMMARY, ICON, OUTPUT,
;   FILES and REMOVAL (lists of commands that it has written), and SIGN where there is a certificate.

!ifndef TARGET
  !define TARGET x86-unicode ; starts on every Windows; the program itself wants a 64-bit one
!endif
Target ${TARGET}
SetCompressor /SOLID lzma
SetCompressorDictSize 64 ; MB: so both programs, which carry the same code, lie in one dictionary
RequestExecutionLevel user
ManifestDPIAware true
AllowSkipFiles off ; a file that is missing is no installation

!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include WinVer.nsh
!include x64.nsh

!define PROGRAM "eyebright.exe"
!define COMMAND_LINE "eyebright-cli.exe"
!define CLASSES "Software\Classes"
!define APPLICATION "${CLASSES}\Applications\${PROGRAM}"
!define PICTURE "Eyebright.Picture"
!define INSTALLED "Software\Microsoft\Windows\CurrentVersion\Uninstall\Eyebright"
!define SHORTCUT "$SMPROGRAMS\Eyebright.lnk"
!define OLDEST_BUILD 17763 ; Windows 10, version 1809: what Qt needs
!define STATUS_OPEN 3
!define STATUS_TOO_OLD 4

Name "Eyebright"
OutFile "${OUTPUT}"
BrandingText "Eyebright ${VERSION}"
InstallDir "$LOCALAPPDATA\Programs\Eyebright"
InstallDirRegKey HKCU "${INSTALLED}" "InstallLocation"

VIProductVersion "${NUMBERS}"
VIAddVersionKey ProductName "Eyebright"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Installs Eyebright"
VIAddVersionKey CompanyName "${PUBLISHER}"
VIAddVersionKey LegalCopyright "${PUBLISHER}"

!ifdef SIGN
  !uninstfinalize `${SIGN}` = 0
!endif

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_FINISHPAGE_TITLE "Eyebright is installed"
!define MUI_FINISHPAGE_TEXT "You find it in the start menu. Drop a picture on its window, and ask about it."
!define MUI_FINISHPAGE_RUN "$INSTDIR\${PROGRAM}"
!define MUI_FINISHPAGE_RUN_TEXT "Open it now"
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English

Var Upgrading ; not empty: the installer of another version has started this uninstaller

; A program that runs cannot be written to; the engine is the same program.
!macro CheckClosed NAME
  ${If} ${FileExists} "$INSTDIR\${NAME}"
    FileOpen $0 "$INSTDIR\${NAME}" a
    FileClose $0
  ${EndIf}
!macroend

!macro RefuseWhileOpen
  ${Do}
    ClearErrors
    !insertmacro CheckClosed "${PROGRAM}"
    !insertmacro CheckClosed "${COMMAND_LINE}"
    ${IfNot} ${Errors}
      ${ExitDo}
    ${EndIf}
    ${If} ${Cmd} `MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Eyebright is still open: please close it, then choose Retry." /SD IDCANCEL IDCANCEL`
      SetErrorLevel ${STATUS_OPEN}
      Quit
    ${EndIf}
  ${Loop}
!macroend

Function .onInit
  SetShellVarContext current
  ${IfNot} ${RunningX64}
  ${OrIfNot} ${AtLeastBuild} ${OLDEST_BUILD}
    MessageBox MB_OK|MB_ICONSTOP "Eyebright needs a 64-bit Windows 10 of version 1809, or a newer one." /SD IDOK
    SetErrorLevel ${STATUS_TOO_OLD}
    Quit
  ${EndIf}
  !insertmacro RefuseWhileOpen
FunctionEnd

Function un.onInit
  SetShellVarContext current
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/UPGRADE" $1
  ${IfNot} ${Errors}
    StrCpy $Upgrading "yes"
  ${EndIf}
  !insertmacro RefuseWhileOpen
FunctionEnd

; What Eyebright opens, as its file dialog has it.
!macro EachType ACTION
  !insertmacro ${ACTION} ".apng"
  !insertmacro ${ACTION} ".avif"
  !insertmacro ${ACTION} ".bmp"
  !insertmacro ${ACTION} ".dib"
  !insertmacro ${ACTION} ".gif"
  !insertmacro ${ACTION} ".heic"
  !insertmacro ${ACTION} ".heif"
  !insertmacro ${ACTION} ".hif"
  !insertmacro ${ACTION} ".jfif"
  !insertmacro ${ACTION} ".jpe"
  !insertmacro ${ACTION} ".jpeg"
  !insertmacro ${ACTION} ".jpg"
  !insertmacro ${ACTION} ".png"
  !insertmacro ${ACTION} ".tif"
  !insertmacro ${ACTION} ".tiff"
  !insertmacro ${ACTION} ".webp"
!macroend

; One more entry below "Open with". What opens a picture by double click stays as it is.
!macro Offer TYPE
  WriteRegStr HKCU "${APPLICATION}\SupportedTypes" "${TYPE}" ""
  WriteRegStr HKCU "${CLASSES}\${TYPE}\OpenWithProgids" "${PICTURE}" ""
!macroend

; Other programs have keys there as well: only those that are empty go.
!macro Withdraw TYPE
  DeleteRegValue HKCU "${CLASSES}\${TYPE}\OpenWithProgids" "${PICTURE}"
  DeleteRegKey /ifnosubkeys /ifnovalues HKCU "${CLASSES}\${TYPE}\OpenWithProgids"
  DeleteRegKey /ifnosubkeys /ifnovalues HKCU "${CLASSES}\${TYPE}"
!macroend

!macro TellExplorer
  System::Call "shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)" ; SHCNE_ASSOCCHANGED
!macroend

Section
  ${If} ${FileExists} "$INSTDIR\uninstall.exe"
    ; The earlier version knows which files are its own. With _?= it is waited for, and leaves itself behind.
    DetailPrint "Removing the earlier version"
    ExecWait '"$INSTDIR\uninstall.exe" /S /UPGRADE _?=$INSTDIR' $0
    ${If} $0 <> 0
      MessageBox MB_OK|MB_ICONSTOP "The earlier version of Eyebright could not be removed (status $0), so nothing was installed." /SD IDOK
      Abort
    ${EndIf}
  ${EndIf}

  ; First what removes it: an installation that is cut short can be undone.
  SetOutPath "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKCU "${INSTALLED}" "DisplayName" "Eyebright"
  WriteRegStr HKCU "${INSTALLED}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${INSTALLED}" "DisplayIcon" "$INSTDIR\${PROGRAM},0"
  WriteRegStr HKCU "${INSTALLED}" "Publisher" "${PUBLISHER}"
  WriteRegStr HKCU "${INSTALLED}" "Comments" "${SUMMARY}"
  WriteRegStr HKCU "${INSTALLED}" "URLInfoAbout" "${HOME}"
  WriteRegStr HKCU "${INSTALLED}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${INSTALLED}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${INSTALLED}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${INSTALLED}" "EstimatedSize" ${SIZE}
  WriteRegDWORD HKCU "${INSTALLED}" "NoModify" 1
  WriteRegDWORD HKCU "${INSTALLED}" "NoRepair" 1

  !include "${FILES}"

  SetOutPath "$INSTDIR" ; in which the shortcut starts the program
  CreateShortcut "${SHORTCUT}" "$INSTDIR\${PROGRAM}" "" "$INSTDIR\${PROGRAM}" 0 SW_SHOWNORMAL "" "${SUMMARY}"
  WriteRegStr HKCU "${APPLICATION}" "FriendlyAppName" "Eyebright"
  WriteRegStr HKCU "${APPLICATION}\DefaultIcon" "" "$INSTDIR\${PROGRAM},0"
  WriteRegStr HKCU "${APPLICATION}\shell\open\command" "" '"$INSTDIR\${PROGRAM}" "%1"'
  WriteRegStr HKCU "${CLASSES}\${PICTURE}" "" "Picture"
  WriteRegStr HKCU "${CLASSES}\${PICTURE}\DefaultIcon" "" "$INSTDIR\${PROGRAM},0"
  WriteRegStr HKCU "${CLASSES}\${PICTURE}\shell\open\command" "" '"$INSTDIR\${PROGRAM}" "%1"'
  !insertmacro EachType Offer
  !insertmacro TellExplorer
SectionEnd

Section Uninstall
  SetAutoClose true
  SetOutPath "$TEMP" ; a folder in which somebody is cannot be removed
  ; File by file: whatever else lies there, conversations perhaps (eyebright-data), is not ours.
  !include "${REMOVAL}"
  ${If} $Upgrading == ""
    !insertmacro EachType Withdraw
    DeleteRegKey HKCU "${CLASSES}\${PICTURE}"
    DeleteRegKey HKCU "${APPLICATION}"
    DeleteRegKey /ifnosubkeys /ifnovalues HKCU "${CLASSES}\Applications"
    DeleteRegKey HKCU "${INSTALLED}"
    Delete "${SHORTCUT}"
    Delete "$INSTDIR\uninstall.exe"
    RMDir "$INSTDIR"
    !insertmacro TellExplorer
  ${EndIf}
SectionEnd
