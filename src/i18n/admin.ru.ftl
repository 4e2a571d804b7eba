### Тексты страниц администратора. Ключи и переменные те же, что в admin.en.ftl.

## Сегодня
admin-span = За сколько дней
admin-ms = { $n } мс
admin-needed = Нужно внимание
admin-dead-n = { $n ->
    [one] Брошено { $n } задание
    [few] Брошено { $n } задания
   *[other] Брошено { $n } заданий
}
admin-dead-lead = Посмотрите причину и повторите или выбросьте
admin-failed-n = { $n ->
    [one] Не удался { $n } вход за сутки
    [few] Не удалось { $n } входа за сутки
   *[other] Не удалось { $n } входов за сутки
}
admin-failed-lead = Посмотрите, у кого и почему
admin-all-well = Всё в порядке
admin-all-well-text = Брошенных заданий и неудачных входов за сутки нет
admin-tile-people = { $n ->
    [one] участник
    [few] участника
   *[other] участников
}
admin-tile-channels = { $n ->
    [one] канал
    [few] канала
   *[other] каналов
}
admin-tile-posts = { $n ->
    [one] пост
    [few] поста
   *[other] постов
}
admin-tile-questions = { $n ->
    [one] вопрос
    [few] вопроса
   *[other] вопросов
}
admin-tile-jobs = { $n ->
    [one] задание ждёт
    [few] задания ждут
   *[other] заданий ждут
}
admin-tile-invites = { $n ->
    [one] приглашение
    [few] приглашения
   *[other] приглашений
}
admin-readiness = Готовность поиска
admin-indexed = Поиск по словам
admin-embedded = Поиск по смыслу
admin-rebuilding = Указатель строится заново, поиск пока отвечает по прежнему.
admin-model = Модель смысла: { $model }
admin-model-none = Модель смысла не установлена: ищутся только слова.
admin-logins-day = Входы за сутки
admin-hours = { $n ->
    [one] Последний { $n } час
    [few] Последние { $n } часа
   *[other] Последние { $n } часов
}
admin-chart-questions = Вопросы
admin-chart-abstained = Вопросы без ответа
admin-chart-posts = Посты
admin-chart-people = Новые участники
admin-chart-channels = Новые каналы
admin-chart-p50 = Ответ: половина быстрее
admin-chart-p95 = Ответ: 95 из 100 быстрее
admin-chart-jobs = Задания в очереди
admin-chart-dead = Брошенные задания

## Общее
admin-any = Все
admin-refresh = Обновить
admin-what = Что
admin-value = Значение
admin-count = Сколько
admin-filter = Показать
admin-changed = Изменено
admin-stale = Кто-то уже изменил это. Вот как стало, повторите, если ещё нужно.
admin-actor-person = участник { $id }
admin-actor-token = токен { $id }
admin-actor-operator = оператор
admin-actor-system = система

## Люди
admin-person = Участник
admin-people-search = Имя или ник
admin-people-none = Никого не нашлось
admin-people-none-text = Измените слова или отбор.
admin-people-n = { $n ->
    [one] { $n } участник
    [few] { $n } участника
   *[other] { $n } участников
}
admin-role = Роль
admin-role-text = Администратор видит этот раздел и меняет всё, что в нём есть.
admin-role-own = Перестать быть администратором?
admin-role-own-text = Вернуть роль сможет только другой администратор.
admin-role-own-yes = Перестать
admin-last-admin = Это единственный администратор. Сначала назначьте другого.
admin-tier = Тариф
admin-used = Использовано
admin-seen = был(а)
admin-seen-never = ещё не заходил(а)
admin-seen-last = Последний раз
admin-came = Появился
admin-username = Ник
admin-telegram-id = Номер в Telegram
admin-person-number = Номер участника
admin-person-number-hint = Стоит на странице участника.
admin-sessions-end = Завершить все сеансы
admin-sessions-end-text = На всех устройствах придётся войти заново. Роль и данные останутся.
admin-sessions-ended = { $n ->
    [one] Завершён { $n } сеанс
    [few] Завершены { $n } сеанса
   *[other] Завершены { $n } сеансов
}

## Приглашения
admin-invite = Приглашение
admin-invite-new = Новое приглашение
admin-invites-active = Действуют
admin-invites-all = Все
admin-status = Состояние
admin-invites-none = Приглашений нет
admin-invites-none-text = По приглашению человек входит сам, без администратора.
admin-invite-active = действует
admin-invite-exhausted = использовано
admin-invite-expired = истекло
admin-invite-revoked = отозвано
admin-invite-uses = использовано { $now } из { $max }
admin-invite-uses-open = использовано { $now }, без предела
admin-invite-until = до { $day }
admin-invite-no-end = бессрочно
admin-invite-limit = Сколько человек впустит
admin-invite-limit-hint = 0 — без предела.
admin-invite-limit-wrong = Целое число от 0 до { $max }.
admin-invite-expires = Действует
admin-invite-never = бессрочно
admin-invite-notes = Для кого
admin-invite-notes-hint = Видно только администраторам.
admin-invite-make = Создать
admin-invite-made = Приглашение готово
admin-invite-qr = Ссылка приглашения для сканирования
admin-invite-scan = Наведите камеру телефона, чтобы открыть приглашение.
admin-invite-copy = Скопировать ссылку
admin-invite-copy-code = Скопировать код
admin-invite-share = Поделиться
admin-invite-words = Приглашение в ассистент по каналам: { $address } Код: { $code }
admin-invite-used-by = Кто вошёл
admin-invite-person = Telegram { $id }
admin-invite-left = Этого участника уже нет
admin-invite-under-way = вход ещё не закончен
admin-invite-revoke = Отозвать
admin-invite-revoke-text = По этому коду больше никто не войдёт. Вошедшие останутся.
admin-invite-revoked-done = Приглашение отозвано

## Задания
admin-dead-title = Брошенные
admin-dead-text = Эти задания не удались столько раз, сколько им позволено.
admin-dead-none = Брошенных заданий нет
admin-dead-none-text = Задание, которое раз за разом не удаётся, попадёт сюда с причиной.
admin-dead-requeue = Повторить
admin-dead-requeue-all = Повторить все
admin-dead-requeued = { $n ->
    [one] Снова в очереди { $n } задание
    [few] Снова в очереди { $n } задания
   *[other] Снова в очереди { $n } заданий
}
admin-dead-discard = Выбросить
admin-dead-discard-all = Выбросить все
admin-dead-discard-text = Эта работа не будет сделана. Вернуть её нельзя.
admin-dead-discarded = { $n ->
    [one] Выброшено { $n } задание
    [few] Выброшено { $n } задания
   *[other] Выброшено { $n } заданий
}
admin-jobs-waiting = Ждут и выполняются
admin-jobs-none = Ничего не ждёт.
admin-job-ready = ждёт
admin-job-scheduled = позже
admin-job-claimed = выполняется
admin-job-dead = брошено
admin-job-attempt = попытка { $now } из { $max }
admin-job-no-reason = Причина не записана
admin-job-id = номер { $id }

## Страницы по ссылкам
admin-links-read = Читать страницы по ссылкам
admin-links-lead = Сервер открывает страницы, на которые ссылаются посты
admin-links-text = Содержание страниц участвует в поиске и ответах. Сайты видят адрес сервера. При включении читаются ссылки последних 30 дней.
admin-links-on = Страницы читаются
admin-links-off = Страницы больше не читаются
admin-links-pages = Страницы
admin-links-done = прочитаны
admin-links-due = ждут
admin-links-failed = не открылись
admin-links-refused = закрыты для чтения

## Флаги и опыты
admin-flags-here = Для всех участников
admin-flags-installation = Для всей установки
admin-on = включено
admin-off = выключено
admin-percent = у { $n } %
admin-default = как обычно: { $state }
admin-share = У скольких участников из ста
admin-share-hint = Каждый участник попадает в долю навсегда.
admin-share-set = Задать долю
admin-share-wrong = Целое число от 0 до 100.
admin-flag-for-person = Для этого участника
admin-flag-person-set = Задать для участника
admin-flag-elsewhere = Здесь этот флаг не задаётся.
admin-rules = Другие правила
admin-rule-remove = Снять
admin-scope-installation = вся установка
admin-scope-tenant = все участники
admin-scope-user = один участник
admin-flag-streamed = Ответы по частям
admin-flag-streamed-text = Ответ появляется по мере того, как составляется
admin-flag-vector = Поиск по смыслу
admin-flag-vector-text = Поиск и ответы учитывают смысл, а не только слова
admin-flag-registration = Открытая регистрация
admin-flag-registration-text = Новых людей впускают без приглашения, если это разрешено в настройках
admin-flag-weights = Опыт: веса ответов
admin-flag-weights-text = Кто попадает в опыт с другими весами найденного
admin-experiment-text = Доли — от числа людей; в скобках границы, в которых истинное значение лежит в 95 случаях из 100. Разница есть там, где границы не включают ноль.
admin-experiment-people = Люди
admin-experiment-answers = Ответы
admin-interval = { $value } % ({ $low }…{ $high })
admin-variant = Вариант
admin-variant-control = прежний
admin-variant-treatment = новый
admin-difference = разница
admin-outcome-up = хвалят
admin-outcome-down = ругают
admin-outcome-follow = переспрашивают

## Журналы
admin-audit = Действия
admin-logins = Входы
admin-feedback = Отзывы
admin-consents = Согласия
admin-audit-none = Администраторы ещё ничего не меняли
admin-logins-none = Таких входов не было
admin-feedback-none = Отзывов пока нет
admin-consents-none = Согласий пока нет
admin-who = Кто
admin-target = Над чем
admin-when = Когда
admin-details = Подробности
admin-ip = Адрес
admin-browser = Браузер
admin-request = Запрос
admin-reason = Причина
admin-login-id = Номер входа
admin-login-failed = ошибка
admin-somebody = неизвестный
admin-rating-up = хорошо
admin-rating-down = плохо
admin-feedback-no-words = Без слов
admin-consent-given = дано
admin-consent-revoked = отозвано
admin-auth-started = Вход начат
admin-auth-shown = Код показан
admin-auth-scanned = Код отсканирован
admin-auth-password = Спрошен пароль
admin-auth-authorized = Вошли
admin-auth-failed = Не удалось
admin-auth-expired = Время вышло
admin-auth-cancelled = Отменено
admin-auth-revoked = Сессия завершена
admin-act-tenant-created = Пространство создано
admin-act-tenant-deleted = Пространство удалено
admin-act-invite-created = Приглашение создано
admin-act-invite-revoked = Приглашение отозвано
admin-act-role = Роль изменена
admin-act-tier = Тариф изменён
admin-act-user-deleted = Участник удалён
admin-act-sessions = Сеансы завершены
admin-act-token-created = Токен создан
admin-act-token-revoked = Токен отозван
admin-act-requeued = Задания повторены
admin-act-discarded = Задания выброшены
admin-act-flag = Флаг изменён
admin-act-merged = Теги объединены
admin-act-unmerged = Объединение тегов отменено
admin-act-protected = Защита тега изменена
admin-act-retagged = Пост размечен заново
admin-act-passkey-added = Ключ доступа добавлен
admin-act-passkey-removed = Ключ доступа удалён
admin-act-links = Чтение ссылок переключено
admin-act-exported = Пространство выгружено
admin-act-imported = Пространство загружено
admin-act-models = Модели переключены
admin-act-model-key-set = Ключ модели задан
admin-act-model-key-removed = Ключ модели забыт
admin-act-restored = Пространство восстановлено
admin-act-backup = Копия сделана
admin-act-retention = Срок хранения изменён

## Установка
admin-health = Состояние
admin-health-ok = работает
admin-health-reduced = не всё
admin-health-problem = неисправно
admin-runs = версия { $version }, работает { $time }
admin-backups = Резервные копии
admin-backup-last = Последняя копия
admin-backup-none = Копий ещё нет
admin-backup-none-text = Без копии потеря диска — потеря всего.
admin-disk = Диск
admin-disk-free = Свободно
admin-gib = { $n } ГиБ
admin-queue = Очередь
admin-queue-ready = ждут
admin-queue-claimed = выполняются
admin-queue-scheduled = назначены на потом
admin-queue-dead = брошены
admin-queue-oldest = самое старое ждёт
admin-accounts = Аккаунты Telegram
admin-accounts-connected = на связи
admin-accounts-paused = приостановлены
admin-accounts-ended = завершены
admin-channels-followed = читаемых каналов
admin-channels-overdue = давно не проверены
admin-channels-refused = недоступны для чтения
admin-tenants-n = { $n ->
    [one] { $n } пространство
    [few] { $n } пространства
   *[other] { $n } пространств
}
admin-since = с { $day }

## Модели
admin-models-enabled = Внешние модели
admin-models-enabled-text = Посты и вопросы могут уходить провайдеру
admin-models-answers-text = Ответ пишет модель, для тех, кто согласился
admin-models-tags-text = Посты каналов, чьи читатели все согласились
admin-models-voice-text = Голосовые сообщения тех, кто согласился
admin-models-embedding-text = Все посты, и старые тоже, когда согласились все читатели каналов; по смыслу тогда ищет модель провайдера
admin-models-order = Порядок: { $order }. Согласились: { $n }.
admin-models-none = В настройках сервера не назван ни один провайдер: всё делается здесь.
admin-feature-answers = Ответы
admin-feature-tags = Теги
admin-feature-voice = Голос
admin-feature-embedding = Поиск по смыслу
admin-feature-test = Проверка
admin-caps = Пределы расхода
admin-caps-change = Изменить
admin-caps-text = 0 — без предела. Сверх предела отвечает сам сервер, без модели.
admin-caps-wrong = Число не меньше нуля.
admin-cap-money-day = Деньги за день
admin-cap-money-month = Деньги за месяц
admin-cap-tokens-day = Токены за день
admin-cap-tokens-month = Токены за месяц
admin-save = Сохранить
admin-tagged = Разметка моделью
admin-tagged-done = размечено
admin-tagged-due = в очереди
admin-tagged-failed = не удалось
admin-vectors = Поиск по смыслу
admin-vectors-done = постов с векторами
admin-vectors-waiting = постов ждут
admin-vectors-no-consent = Не все читатели каналов согласились: векторы делает модель этого сервера.
admin-vectors-no-key = У провайдера нет ключа: векторы делает модель этого сервера.
admin-retag = Разметить заново
admin-retag-go = Разметить
admin-retag-none = Размечать нечего
admin-retag-begun = Разметка началась
admin-retag-text = { $n ->
    [one] { $n } пост, около { $tokens } токенов, { $money }.
    [few] { $n } поста, около { $tokens } токенов, { $money }.
   *[other] { $n } постов, около { $tokens } токенов, { $money }.
}
admin-spend = { $n ->
    [one] Расход за { $n } день
    [few] Расход за { $n } дня
   *[other] Расход за { $n } дней
}
admin-day = День
admin-feature = Зачем
admin-model-name = Модель
admin-calls = Запросы
admin-tokens = Токены
admin-keys-here = Ключи этого пространства
admin-keys-installation = Ключи установки
admin-keys-text = Ключ хранится зашифрованным и больше не показывается.
admin-provider-gigachat = GigaChat
admin-provider-openai = Совместимый с OpenAI
admin-provider-speech = Речь
admin-provider-salutespeech = SaluteSpeech
admin-provider-unused = не используется
admin-provider-paused = на паузе до { $when }
admin-key = Ключ
admin-key-hint = Скопируйте целиком, как дал провайдер.
admin-key-empty = Вставьте ключ.
admin-key-save = Сохранить ключ
admin-key-saved = Ключ сохранён
admin-key-test = Проверить
admin-key-remove = Забыть ключ
admin-key-remove-text = Вместо него будет ключ установки, если он есть.
admin-key-removed = Ключ забыт
admin-key-tenant = свой
admin-key-configuration = из настроек
admin-key-operator = от установки
admin-key-not-needed = не нужен
admin-key-missing = нет ключа
admin-test-good = работает
admin-test-bad = не работает

## Хранение
admin-keep-ever = всегда
admin-keep-posts = Хранить посты
admin-keep-own = У установки: { $days }
admin-keep-default = Как у установки
admin-keep-due = Удалит следующий проход
admin-keep-next = Проход: { $when }
admin-keep-asked = Только по просьбе оператора
admin-keep-text = Срок считается от дня поста. Закреплённое и сохранённое остаётся.
admin-keep-channels = По каналам
admin-keep-as-all = как все
admin-keep-days = Дней
admin-keep-days-hint = 0 — хранить всегда. Пусто — как принято выше.
admin-keep-days-wrong = Целое число от 0 до { $max }.

## Резервные копии
admin-restorable = Можно восстановиться на
admin-restorable-none = Восстановление ещё не проверено
admin-restorable-text = Копия проверяется пробным восстановлением
admin-backup-failed = Последняя попытка не удалась
admin-backup-next = Следующая копия
admin-backup-asked = только по просьбе
admin-backup-place = Лежат в { $place }.
admin-backup-make = Сделать копию сейчас
admin-backup-running = Копия делается…
admin-backup-begun = Копия делается
admin-backup-bad = неисправна
admin-backup-verified = проверена
admin-backup-unverified = не проверена
admin-mib = { $n } МиБ
