### Тексты Mini App. Ключи и переменные те же, что в app.en.ftl; общее лежит в первом разделе ru.ftl.

## Рамка
app-name = Ассистент каналов
app-bar = Разделы
app-bar-me = Я
app-skip = К содержанию
app-back = Назад
app-close = Закрыть
app-cancel = Отмена
app-undo = Вернуть
app-more = Показать ещё
app-copied = Скопировано
app-now = только что
app-language = Язык
app-signing-in = Входим…
app-offline = Нет связи. Показываем последнее прочитанное.
app-update = Есть новая версия.
app-update-now = Обновить
app-kept = Нет связи: так было { $when }
app-of = { $now } из { $max }

## Что может не получиться
app-retry = Повторить
app-retry-in = Повторить через { $n } с
app-request = Номер запроса: { $id }
app-offline-title = Нет связи
app-offline-text = Сервер недоступен. Проверьте сеть; то, что вы ввели, не потеряно.
app-slow-title = Слишком долго
app-slow-text = Сервер не ответил за минуту. Попробуйте ещё раз.
app-signed-out-title = Сеанс закончился
app-signed-out-text = Войдите ещё раз, это займёт несколько секунд.
app-busy-title = Слишком часто
app-busy-text = Сервер просит подождать немного.
app-failed-title = Не получилось
app-failed-text = На сервере что-то сломалось. Данные целы; попробуйте ещё раз.
app-refused-title = Нельзя
app-forbidden-text = На это у вас нет прав.
app-gone-title = Такого здесь нет
app-gone-text = Этого больше нет или оно не ваше.
app-conflict-text = Кто-то уже изменил это. Откройте заново и повторите.
app-disk-text = На сервере кончилось место. Сообщите администратору.

## Вход
app-hero = Спросите свои каналы
app-hero-text = Ассистент читает ваши Telegram-каналы и отвечает на вопросы. У каждого утверждения есть ссылка на пост.
app-invite-label = Код приглашения
app-invite-hint = 12 букв и цифр. Код даёт тот, кто установил ассистента.
app-invite-go = Продолжить
app-invite-short = В коде 12 букв и цифр.
app-invite-unknown = Такого кода нет. Проверьте все 12 знаков.
app-invite-expired = Срок приглашения истёк. Попросите новое.
app-invite-revoked = Приглашение отозвано. Попросите новое.
app-invite-exhausted = Приглашение уже использовано. Попросите новое.
app-closed = Новых людей сейчас не принимают.
app-telegram-stale = Telegram открыл приложение слишком давно. Закройте его и откройте снова.
app-telegram-clock = Часы сервера и телефона расходятся. Проверьте время на телефоне.
app-telegram-in = Войти через Telegram
app-telegram-again = Сеанс закончился. Закройте приложение и откройте его снова из чата с ботом.
app-telegram-invalid = Telegram не подтвердил, что приложение открыто из этого бота. Откройте его из чата с ботом.
app-telegram-no-bot = На этом сервере бот не настроен, поэтому вход через Telegram пока невозможен.
app-in-other = Другие способы войти
app-passkey-in = Ключ доступа
app-passkey-in-text = Отпечаток, лицо или PIN этого устройства
app-passkeys-off = Ключи доступа на этом сервере не настроены.
app-link-in = Ссылка от бота
app-link-in-text = В боте: «Настройки» → «Открыть в браузере». Ссылка действует один раз и 10 минут.
app-link-over = Ссылка больше не действует
app-link-over-text = Она работает один раз и 10 минут. Новая в боте: «Настройки» → «Открыть в браузере».
app-tenant-title = Куда войти?
app-tenants = Пространства
app-tenants-text = У каждого свои каналы, ответы и сохранённое. Выберите, в какое перейти.
app-tenant-now = Теперь вы в пространстве «{ $name }»
app-tenant-here = вы здесь
app-role-admin = администратор
app-role-user = участник

## Подключение аккаунта
app-login-title = Подключить Telegram
app-login-preparing = Готовим код
app-login-code = QR-код для входа
app-login-left = Вход открыт ещё { $time }
app-login-step-1 = Откройте Telegram на телефоне
app-login-step-2 = Настройки → Устройства → Подключить устройство
app-login-step-3 = Наведите камеру на этот код
app-login-here = Открыть на этом телефоне
app-login-cancel = Отменить вход
app-login-scanned = Код отсканирован
app-login-scanned-text = Подтверждаем вход, это займёт пару секунд.
app-login-no = Вход не начался
app-login-not-configured-title = Сервер не готов
app-login-not-configured = На этом сервере не задан ключ приложения Telegram. Администратору: telegram.api_id и telegram.api_hash.
app-login-again = Начать заново
app-login-done = Готово, аккаунт подключён
app-login-done-text = Сессия хранится зашифрованной. Отключить её можно здесь или в настройках Telegram.
app-login-first = Добавить первый канал
app-login-done-elsewhere = Вход завершён в другом окне
app-login-done-elsewhere-text = Продолжайте там, где открыт этот вход.
app-login-cancelled = Вход отменён
app-login-cancelled-text = Ничего не подключено, приглашение не потрачено.
app-login-expired = Время вышло
app-login-expired-text = За десять минут код никто не отсканировал. Приглашение не потрачено.
app-login-failed = Подключить не удалось
app-login-failed-text = Сессия удалена, приглашение не потрачено. Попробуйте ещё раз.
app-login-other = Код отсканировал другой аккаунт
app-login-other-text = Мы сразу вышли из него и ничего не сохранили. Отсканируйте код тем аккаунтом, с которым вы входите.
app-login-tries = Пароль не подошёл пять раз
app-login-tries-text = Начните вход заново. Пароль можно сбросить в Telegram: Настройки → Конфиденциальность → Облачный пароль.
app-login-refused = Telegram отказал
app-login-refused-text = Telegram не принял вход. Подождите несколько минут и попробуйте снова.
app-login-not-stored = Сессию не удалось сохранить
app-login-not-stored-text = Мы вышли из аккаунта. Скорее всего, на сервере кончилось место; сообщите администратору.
app-login-restarted = Сервер перезапустился
app-login-restarted-text = Вход прервался, приглашение не потрачено. Начните заново.
app-login-invite = Приглашение не подошло
app-password-title = Облачный пароль
app-password-why = У аккаунта включена двухэтапная проверка. Пароль уходит в Telegram в виде доказательства и нигде не сохраняется.
app-password-label = Пароль
app-password-hint = Подсказка: { $hint }
app-password-text = Тот, что вы придумали в Telegram
app-password-go = Войти
app-password-empty = Введите пароль.
app-password-checking = Проверяем…
app-password-wrong = { $n ->
    [one] Пароль не подошёл. Осталась { $n } попытка.
    [few] Пароль не подошёл. Осталось { $n } попытки.
   *[other] Пароль не подошёл. Осталось { $n } попыток.
}
app-password-unchecked = Telegram не смог проверить пароль. Попробуйте ещё раз.

## Я
app-me-title = Я
app-me-settings = Настройки
app-account-title = Telegram-аккаунт
app-account-none = Аккаунт не подключён
app-account-connected = Подключён
app-account-connecting = Подключается…
app-account-paused = Приостановлен администратором
app-account-ended = Telegram завершил сессию
app-account-ok = читает
app-account-since = с { $day }
app-account-why = Через него ассистент читает ваши каналы
app-account-connect = Подключить по QR-коду
app-account-disconnect = Отключить аккаунт
app-account-disconnect-text = Сессия в Telegram завершится. Каналы и посты останутся, новые читаться не будут.
app-account-disconnected = Аккаунт отключён
app-tier = Тариф { $tier }
app-tier-channels = Каналы
app-tier-questions = Вопросы сегодня
app-admin-title = Управление
admin-today-title = Сегодня
admin-people-title = Люди
admin-invites-title = Приглашения
admin-jobs-title = Задания
admin-links-title = Страницы по ссылкам
admin-flags-title = Флаги и опыты
admin-events-title = Журналы
admin-backups-title = Резервные копии
admin-retention-title = Хранение
admin-models-title = Языковые модели
admin-installation-title = Установка
app-sessions-title = Сеансы
app-tags-title = Теги
app-data-title = Мои данные и согласия
app-privacy-title = Приватность
app-sign-out = Выйти
app-sign-out-text = С этого устройства удалится всё, что сохранено для чтения без сети.
app-sign-out-offline = Сервер недоступен: вы вышли только здесь
app-unlock-title = Быстрый вход
app-lock = Запирать приложение
app-lock-text = Открывать отпечатком или лицом
app-lock-reason = Чтобы открыть ваши каналы
app-locked = Приложение заперто
app-unlock = Открыть
app-passkey-add = Добавить ключ доступа
app-passkey-add-text = Вход без кода и бота, по отпечатку или лицу
app-passkey-added = Ключ доступа добавлен
app-passkey-name = Это устройство
app-passkey-used = использован
app-passkey-unused = ещё не использован
app-passkey-remove = Удалить
app-passkey-remove-text = Этим ключом больше нельзя будет войти. Открытые им сеансы останутся.

## Приватность
app-privacy-where-title = Где это лежит
app-privacy-where = Всё лежит на сервере того, кто поставил этого помощника. Внешней языковой модели, если её включил администратор, отправляются только вопросы и голосовые сообщения тех, кто согласился, с найденными постами, и посты каналов, все читатели которых согласны.
app-privacy-what-title = Что хранится
app-privacy-what = Имя и номер в Telegram, ваши каналы и их посты, ваши вопросы с ответами, сохранённое, сеансы входа с адресом и браузером.
app-privacy-session = Сессия подключённого аккаунта зашифрована ключом, который лежит отдельно от данных. Пароль и коды не сохраняются.
app-privacy-long-title = Как долго
app-privacy-long = Вопросы и посты хранятся столько, сколько задал администратор. Следы входов обезличиваются через 30 дней и удаляются через 90.
app-privacy-device = На этом устройстве лежат последние ответы и сохранённые посты, чтобы читать без сети. При выходе они удаляются.
app-privacy-you-title = Что можете вы
app-privacy-you = Скачать всё о себе одним файлом, забрать согласия назад, завершить любой сеанс, отключить аккаунт.
app-privacy-leave = Удалить себя целиком: с каналами, которые читали только вы, и подписанной справкой об удалении.

## Сеансы
app-session-this = Это устройство
app-session-others = Другие устройства
app-session-now = сейчас
app-session-webapp = через Telegram
app-session-qr = по QR-коду
app-session-passkey = ключом доступа
app-session-link = по ссылке от бота
app-session-unknown = Неизвестное устройство
app-session-end = Завершить сеанс
app-session-end-text = На том устройстве придётся войти заново.
app-session-end-all = Завершить все остальные
app-session-end-all-text = Все устройства, кроме этого, придётся подключать заново.
app-session-ended = Сеанс завершён

## Данные и согласия
app-consents-title = Согласия
app-consents-text = Согласие можно забрать в любой момент; с этого мгновения оно не действует.
app-consent-models = Внешние языковые модели
app-consent-models-text = Вопросы с найденными постами, посты ваших каналов и голосовые сообщения могут уходить провайдеру модели, если администратор его подключил
app-models-off = Сейчас ничего не отправляется: внешние модели администратор не включил. Согласие подействует, если он их включит.
app-models-now = Сейчас у тех, кто согласился, отправляются:
app-models-sent-answers = вопросы с найденными постами, чтобы написать ответ: { $to }
app-models-sent-tags = посты каналов, все читатели которых согласны, чтобы подобрать теги: { $to }
app-models-sent-voice = голосовые сообщения, чтобы записать их словами: { $to }
app-models-sent-embedding = ваши запросы, а когда согласны читатели всех каналов, и все посты, чтобы сравнивать их по смыслу: { $to }
app-export-title = Копия данных
app-export = Скачать мои данные
app-export-text = Один файл JSON
app-export-done = Файл сохранён
app-export-telegram = Внутри Telegram файл не сохранить. Отправьте боту команду /export, и он пришлёт файл в чат.
app-leave-title = Уйти
app-leave = Удалить меня
app-leave-text = Удалится всё: профиль, вопросы, сессия Telegram, каналы, которые читали только вы. Вернуть нельзя.
app-leave-sure = Это необратимо. Вы получите подписанную справку об удалении.
app-leave-confirm = Введите свой номер в Telegram: { $id }
app-leave-other = Это не ваш номер.
app-leave-go = Удалить навсегда
app-leave-done = Всё удалено
app-leave-receipt = Подписанная справка об удалении. Скопируйте её: другой не будет.

## Вопросы
app-bar-ask = Спросить
app-bar-channels = Каналы
app-bar-saved = Сохранённое
app-all = Все
app-copy = Копировать
app-share = Поделиться
app-ask-title = Спросить
app-ask-placeholder = О чём спросить каналы?
app-ask-send = Спросить
app-ask-stop = Остановить
app-ask-thinking = Ищу в ваших каналах…
app-ask-stopped = Ответ остановлен.
app-ask-kept = Нет связи. Это прошлый ответ на тот же вопрос.
app-ask-limit = Вопросы на сегодня кончились
app-ask-limit-text = Ваш тариф даёт { $max } в день. Новые появятся завтра, поиск работает без ограничений.
app-ask-nothing = В ваших каналах этого нет
app-ask-nothing-text = Уверенного ответа не нашлось. Спросите другими словами или расширьте период.
app-ask-nearest = Ближайшее из того, что есть
app-ask-unsure = Источники слабые: проверьте по постам.
app-ask-degraded = Ответ неполон или собран из цитат: языковая модель или поиск по смыслу сейчас недоступны, либо исчерпан лимит.
app-ask-sources = Источники
app-ask-source = Источник { $n }: { $title }
app-ask-good = Хороший ответ
app-ask-bad = Плохой ответ
app-ask-try = Попробуйте спросить
app-ask-try-tag = Что пишут про «{ $tag }»?
app-ask-try-channel = Что нового в канале «{ $title }» за неделю?
app-ask-recent = Недавние вопросы
app-ask-fresh = Новое в каналах
app-ask-fresh-n = +{ $n } с прошлого раза
app-ask-then = Спрошено
app-ask-anew = спросить заново
app-first-title = Добавьте первый канал
app-first-text = Ассистент прочитает его посты, и по ним можно будет спрашивать. Хватит имени или ссылки.

## Поиск
app-search-title = Поиск
app-search-placeholder = Слова или смысл
app-search-mode = Как искать
app-search-hybrid = Вместе
app-search-words = По словам
app-search-meaning = По смыслу
app-search-empty = Найдите пост
app-search-hint = «Точная фраза» в кавычках, -лишнее слово через минус.
app-search-none = Ничего не нашлось
app-search-none-scope = Уберите часть фильтров или расширьте период.
app-search-found = { $n ->
    [one] Найден { $n } пост
    [few] Найдено { $n } поста
   *[other] Найдено { $n } постов
}
app-search-degraded = Поиск по смыслу сейчас недоступен, найдено по словам.
app-scope-title = Где искать
app-scope-on = Фильтры: { $n }
app-scope-period = Когда
app-scope-channels = Каналы
app-scope-tags = Теги
app-scope-since = С
app-scope-until = По
app-scope-apply = Готово
app-scope-clear = Сбросить
app-period-day = День
app-period-week = Неделя
app-period-month = Месяц
app-period-all = Всё
app-period-own = Даты

## Посты
app-post-title = Пост
app-post-whole = целиком
app-post-edited = изменён
app-post-views = просмотров: { $n }
app-post-from = Переслано из «{ $title }»
app-post-pages = По ссылкам
app-post-channel = О канале
app-related = Связанные посты
app-related-forward = пересылка
app-related-link = та же ссылка
app-related-tags = общие теги
app-open-telegram = Открыть в Telegram
app-open-post = Пост целиком
app-save = Сохранить пост
app-saved-done = Сохранено, можно читать без сети
app-saved-gone = Убрано из сохранённого
app-media-photo = Фото
app-media-video = Видео
app-media-document = Файл
app-media-audio = Аудио
app-media-voice = Голосовое сообщение
app-media-poll = Опрос
app-media-animation = Анимация
app-media-sticker = Стикер

## Каналы
app-channels-title = Каналы
app-channels-n = Вы читаете { count-channels }
app-channels-none = Каналов пока нет
app-channels-none-text = Добавьте канал по имени или ссылке; закрытый, если вы в нём состоите.
app-channel-title = Канал
app-channel-add = Добавить канал
app-channel-add-go = Добавить
app-channel-label = Имя или ссылка
app-channel-hint = @name, t.me/name, ссылка на пост или t.me/+приглашение
app-channel-empty = Введите имя или ссылку.
app-channel-unknown = Такого канала не видно. Проверьте имя; в закрытый сначала вступите сами.
app-channel-limit = Ваш тариф вмещает { $max }, все места заняты.
app-channel-wait = Telegram просит аккаунт подождать. Попробуйте через { $n } мин.
app-channel-account = Нужен ваш Telegram
app-channel-account-text = Каналы читаются через ваш аккаунт. Подключите его, это займёт минуту.
app-channel-added = Канал «{ $title }» добавлен
app-channel-private = закрытый канал
app-channel-depth = Как глубоко читать
app-channel-depth-text = Новые посты приходят всегда; глубина касается прошлого.
app-channel-depth-done = Глубина изменена
app-channel-search = Искать в канале
app-channel-again = Сверить ещё раз
app-channel-again-text = Найдёт пропуски, правки и удаления
app-channel-again-done = Сверяем, это идёт само
app-channel-remove = Больше не читать
app-channel-remove-text = Посты канала «{ $title }» уйдут из ответов и поиска.
app-channel-removed = Канал убран
app-channel-posts = Последние посты
app-depth-week = Неделя
app-depth-month = Месяц
app-depth-quarter = 3 месяца
app-depth-all = Всё
app-reading-imported = загружен из файла
app-reading-no-account = не читается: нет аккаунта
app-reading-starting = первые посты в пути
app-reading-history = читается история
app-reading-live = всё новое здесь
app-reading-paused = пауза, попробуем сами
app-ledger = Прочитано
app-ledger-complete = Прочитано всё
app-ledger-reading = Читаем, можно закрыть приложение
app-ledger-rate = Осталось { $left }, примерно { $time }
app-ledger-checked = сверено
app-ledger-deleted = { $n ->
    [one] { $n } удалён
    [few] { $n } удалены
   *[other] { $n } удалено
}
app-ledger-service = { $n ->
    [one] { $n } служебное
    [few] { $n } служебных
   *[other] { $n } служебных
}
app-ledger-restricted = { $n ->
    [one] { $n } скрыт
    [few] { $n } скрыты
   *[other] { $n } скрыто
}
app-ledger-left = { $n ->
    [one] { $n } не прочитан
    [few] { $n } не прочитаны
   *[other] { $n } не прочитано
}

## Теги
app-tags-lead = О чём пишут ваши каналы
app-tags-cloud = Чаще всего
app-tags-none = Тегов пока нет
app-tags-none-text = Они появятся вместе с постами.
app-tags-alike = Похоже на одно и то же
app-tags-alike-text = Слияние действует на весь словарь и отменяется.
app-tags-merge = Слить
app-tags-merge-text = { $n ->
    [one] Изменится { $n } пост. Это можно отменить.
    [few] Изменится { $n } поста. Это можно отменить.
   *[other] Изменится { $n } постов. Это можно отменить.
}
app-tags-merged = Теги слиты
app-tags-unmerged = Слияние отменено
app-tags-merges = Слитые теги
app-tag-count = { $n ->
    [one] { $tag }: { $n } пост
    [few] { $tag }: { $n } поста
   *[other] { $tag }: { $n } постов
}
app-tag-ask = Спросить об этом
app-tag-none = С этим тегом постов нет
app-tag-none-text = Возможно, они удалены или в каналах, которые вы больше не читаете.

## Сохранённое
app-saved-title = Сохранённое
app-saved-posts = Посты
app-saved-history = История
app-saved-none = Пока ничего не сохранено
app-saved-none-text = Нажмите на закладку у любого поста, и он будет здесь, даже без сети.
app-history-none = Вы ещё ни о чём не спрашивали
app-history-none-text = Здесь будут ваши вопросы с ответами.

## Оповещения
app-saved-alerts = Оповещения
app-alert = Оповещение
app-alert-new = Новое оповещение
app-alert-words = Что отслеживать
app-alert-words-hint = Все слова должны быть в посте; «фраза» в кавычках, -лишнее, #тег.
app-alert-empty = Назовите хотя бы одно слово или тег.
app-alert-meaning = И по смыслу
app-alert-meaning-text = Посты о том же другими словами
app-alert-quiet = Не беспокоить ночью
app-alert-quiet-text = В эти часы бот молчит
app-alert-quiet-from = С
app-alert-quiet-until = До
app-alert-quiet-same = Начало и конец совпадают
app-alert-muted = Не сообщать
app-alert-muted-text = Находить будем, бот месяц промолчит
app-alert-muted-badge = без звука
app-alert-day = Сообщений в день, не больше
app-alert-channels = Каналов: { $n }
app-alert-preview = { $n ->
    [one] За неделю нашёлся бы { $n } пост
    [few] За неделю нашлось бы { $n } поста
   *[other] За неделю нашлось бы { $n } постов
}
app-alert-add = Создать оповещение
app-alert-save = Сохранить
app-alert-saved = Оповещение сохранено, о новом напишет бот
app-alert-many = Оповещений уже столько, сколько можно. Удалите одно.
app-alert-remove = Удалить оповещение
app-alert-remove-text = Удалится и список найденного; сами посты останутся.
app-alert-removed = Оповещение удалено
app-alert-found = Что нашлось
app-alert-none = Пока ничего
app-alert-none-text = Как только появится подходящий пост, бот напишет.
app-alerts-none = Оповещений нет
app-alerts-none-text = Сохраните запрос, и бот напишет, когда появится новый пост о нём.
app-alert-n = { $n ->
    [one] найден { $n } пост
    [few] найдено { $n } поста
   *[other] найдено { $n } постов
}
app-alert-this = Сообщать о новом
