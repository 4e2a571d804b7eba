### Тексты бота и мини-приложения. Ключи и переменные те же, что в en.ftl.

## Общее
count-posts = { $n ->
    [one] { $n } пост
    [few] { $n } поста
   *[many] { $n } постов
}
count-channels = { $n ->
    [one] { $n } канал
    [few] { $n } канала
   *[many] { $n } каналов
}
count-days = { $n ->
    [one] { $n } день
    [few] { $n } дня
   *[many] { $n } дней
}
button-back = ⬅️ Назад
button-cancel = Отмена
button-menu = 🏠 Меню
button-help = ❔ Помощь
date-never = ещё не было

## Команды в меню Telegram
command-start = Начать
command-help = Что умеет бот
command-menu = Главное меню
command-login = Войти по приглашению
command-add-channel = Добавить канал
command-my-channels = Мои каналы
command-channel-stats = Сколько прочитано в канале
command-remove-channel = Перестать читать канал
command-ask = Задать вопрос по каналам
command-search = Найти посты
command-recommend = Что почитать на тему
command-alerts = Оповещения о новых постах
command-subscription = Тариф и остаток
command-feedback = Сказать, что хорошо, а что нет
command-export = Получить все свои данные
command-delete-me = Удалить себя и свои данные
command-admin = Управление пространством
command-admin-invite = Пригласить человека
command-admin-users = Кто здесь
command-admin-stats = Как идут дела
command-tags = О чём пишут мои каналы
command-settings = Настройки
command-language = Язык
command-privacy = Что бот хранит
command-cancel = Отменить начатое

## Знакомство
welcome-title = Я читаю ваши Telegram-каналы и отвечаю на вопросы по ним
welcome-what = Добавьте каналы и спросите обычными словами: «что нового за неделю?», «когда открывают метро?». К каждому утверждению — ссылка на пост.
welcome-next-account = Следующий шаг: подключите свой аккаунт Telegram, чтобы я мог читать каналы.
welcome-next-account-later = Следующий шаг: подключите свой аккаунт Telegram. Как это сделать, подскажет тот, кто вас пригласил.
welcome-next-channel = Следующий шаг: добавьте первый канал.
welcome-next-ask = Вы читаете { count-channels }. Просто напишите вопрос.
stranger-title = Здравствуйте! Это личный помощник по Telegram-каналам
stranger-what = Он собирает посты каналов, которые вы выберете, ищет по ним и отвечает на вопросы со ссылками на посты. Работает по приглашениям.
stranger-next = Есть код приглашения? Пришлите его сюда. Нет — попросите у того, кто рассказал вам о боте.
stranger-closed = Новых людей этот помощник сейчас не принимает.
invite-ask = Пришлите код приглашения: 12 латинских букв и цифр.
invite-accepted = Приглашение принято, вы внутри.
invite-member = Вы уже внутри, приглашение не понадобилось.
invite-unknown = Такого кода нет. Проверьте, все ли 12 знаков на месте, и пришлите ещё раз.
invite-expired = Срок этого приглашения истёк. Попросите новое.
invite-revoked = Это приглашение отозвали. Попросите новое.
invite-exhausted = Этим приглашением уже воспользовались. Попросите новое.
button-connect = 🔗 Подключить аккаунт
button-app = 📱 Открыть приложение

## Меню и помощь
menu-title = Главное меню
menu-what = Напишите вопрос или выберите, что сделать.
help-title = Что я умею
help-ask = Спрашивайте обычными словами, команда не нужна. Канал можно добавить, переслав мне любой его пост.
help-commands = Команды
cancel-done = Отменено.
cancel-nothing = Отменять нечего.
unknown-command = Команды /{ $name } нет. Вот что есть:
wordless = Я понимаю текст и пересланные посты каналов. Напишите вопрос или перешлите пост.
voice-off = Голосовые сообщения здесь не расшифровываются. Напишите вопрос словами.
voice-consent = Голосовые расшифровывает внешняя модель, для этого нужно ваше согласие. Откройте «Внешние модели», решите и пришлите сообщение ещё раз — или напишите его.
voice-long = Голосовое слишком длинное: до { $seconds } с. Скажите короче или напишите.
voice-silent = Я не разобрал слов. Скажите ещё раз или напишите.
short-question = Слишком коротко для вопроса. Напишите чуть подробнее.
button-foreign = Эта кнопка не ваша.
button-stale = Эта кнопка устарела. Вот свежее меню.
too-fast = Слишком быстро. Подождите минуту и продолжайте.
error-gave-up = Не получилось ответить: что-то сломалось у меня. Ваше сообщение сохранено, администратор увидит его. Попробуйте ещё раз чуть позже.
error-refused = Не получилось: { $reason }

## Каналы
channel-ask = Пришлите @имя, ссылку t.me/… или перешлите любой пост канала.
channel-added = Канал «{ $title }» добавлен
channel-added-what = Читаю посты за последние { count-days }, первые появятся через минуту-другую.
channel-added-all = Читаю все посты канала, первые появятся через минуту-другую.
channel-known = Вы уже читаете «{ $title }».
channel-room = Занято мест: { $used } из { $max }.
channel-not-found = По «{ $reference }» канал не нашёлся. Подойдёт @имя, ссылка t.me/… или пересланный пост. В закрытый канал сначала вступите сами.
channel-limit = Ваш тариф вмещает { $max }, все места заняты. Уберите ненужный канал или попросите администратора о другом тарифе.
channel-account = Чтобы читать каналы, мне нужен ваш аккаунт Telegram. Подключите его и попробуйте ещё раз.
channel-account-waits = Telegram просит ваш аккаунт подождать. Попробуйте через { $minutes } мин.
channel-gone = Этого канала среди ваших больше нет.
channels-title = Мои каналы
channels-none = Вы пока не читаете ни одного канала.
channels-page = Страница { $page } из { $pages }
channels-choose-stats = Какой канал показать?
channels-choose-remove = Какой канал убрать?
channel-posts = Постов: { $n }
channel-last = Проверен: { $date }
channel-depth = Глубина: { count-days }
channel-depth-all = Глубина: всё, что есть
channel-read = Прочитано: { $seen } из { $expected } сообщений ({ $percent } %)
channel-missing = Из них удалено { $deleted }, служебных { $service }, закрыто { $restricted }, ещё не прочитано { $left }
channel-complete = Прочитано всё
reading-imported = Загружен из файла
reading-no-account = Не читается: нет подключённого аккаунта
reading-starting = Первые посты на подходе
reading-history = Дочитываю старые посты
reading-up-to-date = Всё свежее уже здесь
reading-paused = Приостановлен; попробую снова сам
remove-ask = Перестать читать «{ $title }»? Его посты исчезнут из ваших ответов.
remove-done = «{ $title }» больше не читаю.
depth-ask = Насколько глубоко читать «{ $title }»?
depth-all = Всё
depth-done = Готово. Если стало глубже, старые посты появятся постепенно.
button-add = ➕ Добавить канал
button-channels = 📚 Мои каналы
button-channel = 📊 О канале
button-refresh = 🔄 Обновить
button-depth = 📅 Глубина
button-remove = 🗑 Убрать
button-remove-sure = Да, убрать

## Вопросы и поиск
ask-ask = Напишите вопрос по вашим каналам.
ask-none = У вас пока нет каналов, отвечать не по чему.
ask-limit = Вопросы на сегодня закончились: тариф даёт { $max } в день. Новые — завтра.
ask-nothing = В ваших каналах я не нашёл ответа
ask-nearest = Ближайшее по теме:
ask-sources = Источники
ask-unsure = ⚠️ Ответ может быть неточным. Попробуйте уточнить вопрос.
ask-degraded = Ответ собран из цитат или неполон: языковая модель сейчас недоступна или её лимит исчерпан.
answer-ask = 🤖 Ответ
answer-search = 🔍 Нашлось
answer-recommend = 🎯 Стоит прочитать
answer-trend = 📈 О чём пишут
answer-digest = 📰 Коротко о главном
recommend-ask = На какую тему подобрать посты?
working = 🔎 Ищу в ваших каналах…
ask-forgotten = Этого вопроса я уже не помню. Задайте его ещё раз.
ask-which-channel = Из какого канала?
asked-channel = только «{ $title }»
asked-days = за { count-days }
button-more = Ещё
button-only-channel = Только этот канал
button-week = За неделю
button-save-alert = 🔔 Сообщать о новом
search-ask = Что найти? Слова, «точная фраза» в кавычках, -лишнее.
search-none = По запросу «{ $query }» ничего не нашлось.
search-found = 🔍 Нашлось: { count-posts }
tags-title = О чём пишут ваши каналы
tags-none = Тегов пока нет: они появятся, когда соберутся посты.
button-ask = 💬 Спросить
button-search = 🔍 Найти
button-tags = 🏷 Теги

## Оповещения
alerts-title = Оповещения
alerts-what = Скажу сразу, когда в ваших каналах появится пост, который вы ждёте.
alerts-none = Пока нет ни одного. Нажмите «Новое» и напишите, о чём сообщать.
alerts-legend = Число — сколько постов нашлось. Нажмите на оповещение, чтобы его настроить.
alerts-limit = Больше { $max } оповещений держать нельзя. Удалите ненужное.
alert-ask = О чём сообщать? Напишите слова: в посте должны быть все. Можно «точную фразу» в кавычках, #тег и -слово, которого быть не должно.
alert-empty = Здесь нечего искать. Напишите хотя бы одно слово, фразу в кавычках или #тег.
alert-added = Готово, буду сообщать.
alert-known = Такое оповещение у вас уже есть.
alert-last-week = За последнюю неделю подошло бы: { count-posts }.
alert-gone = Такого оповещения больше нет.
alert-deleted = Удалено.
alert-changed = Готово.
alert-by-words = Ищу посты, где есть все эти слова.
alert-by-meaning = Ищу эти слова или то же другими словами.
alert-all-channels = Каналы: все ваши
alert-channels = Каналы: { $titles }
alert-per-day = Сообщений в день: не больше { $n }
alert-quiet = Тихие часы: с { $from } до { $until } по времени { $zone }
alert-muted = Молчит до { $until }
alert-muted-toast = Молчу.
alert-unmuted-toast = Снова сообщаю.
alert-found = Нашлось: { count-posts }
alert-found-none = Пока ничего: смотрю только посты, которые выходят после того, как оповещение создано.
alert-last-today = На сегодня это последнее: остальное будет в оповещении, «Что нашлось».
button-alerts = 🔔 Оповещения
button-alert = ⚙️ Это оповещение
button-alert-new = ➕ Новое
button-alert-found = 🔎 Что нашлось
button-alert-delete = 🗑 Удалить
button-mute-day = 🔕 Молчать день
button-mute-week = 🔕 Молчать неделю
button-unmute = 🔔 Снова сообщать
button-quiet = 🌙 Тихие часы
button-meaning-on = 🧠 И по смыслу
button-meaning-off = 🔤 Только слова
quiet-what = В эти часы оповещение «{ $name }» молчит. Найденное не пропадёт: скажу, когда они кончатся.
quiet-now = Сейчас: с { $from } до { $until }.
quiet-none = Сейчас тихих часов нет.
quiet-zone = Часовой пояс — { $zone }, сейчас там { $now }.
quiet-ask = В какие часы молчать? Напишите начало и конец через дефис: 22-7 или 22:30-07:00.
quiet-unread = «{ $said }» — не часы. Напишите начало и конец через дефис: 22-7 или 22:30-07:00.
quiet-no-time = Времени «{ $time }» не бывает: часы — от 0 до 23, минуты — от 00 до 59. Напишите ещё раз, например 22:30-07:00.
quiet-nothing = «{ $said }» начинается и кончается в одно время. Напишите разное, например 22-7. Чтобы оповещение молчало совсем, отмените это и нажмите в нём «Молчать неделю».
button-quiet-other = ✏️ Другие
button-quiet-off = Без тихих часов

## Настройки
settings-title = Настройки
settings-language = Язык: { $language }
settings-space = Пространство: { $space }
settings-tier = Тариф: { $tier }. Каналов { $channels } из { $channels_max }, вопросов сегодня { $questions } из { $questions_max }.
settings-account = Аккаунт Telegram подключён
settings-no-account = Аккаунт Telegram не подключён: без него я не читаю каналы
settings-models-off = Внешние модели выключены
settings-models-agreed = Внешние модели: вы согласны
settings-models-not-agreed = Внешние модели: вашего согласия нет
language-ask = На каком языке говорить?
language-done = Теперь говорю по-русски.
space-ask = В каком пространстве работать?
space-done = Вы в пространстве «{ $space }».
button-settings = ⚙️ Настройки
button-language = 🌐 Язык
button-space = 🗂 Пространство
button-privacy = 🔒 Что хранится
button-models = 🤖 Внешние модели
button-browser = 💻 Приложение в браузере
browser-link = Ссылка откроет приложение в браузере сразу под вашим именем. Она действует { $minutes } мин. и один раз; не пересылайте её.
browser-open = Открыть в браузере
subscription-title = Тариф { $tier }
subscription-channels = Каналов: { $used } из { $max }
subscription-questions = Вопросов сегодня: { $used } из { $max }
subscription-anew = Счёт вопросов начнётся заново { $at }.
subscription-more = Нужно больше? Скажите администратору: тариф меняет он.
feedback-ask = Напишите, что хорошо, а что нет. Прочтёт администратор.
feedback-kept = Спасибо!
feedback-enough = На сегодня отзывов достаточно, спасибо.
export-done = Всё, что о вас хранится здесь, — в этом файле.
delete-title = Удалить вас и всё, что о вас хранится?
delete-what = Уйдут: ваше имя, сеанс вашего аккаунта Telegram, подписки, вопросы с ответами, оповещения и каналы, которые читаете только вы. Вернуть это будет нельзя. Если нужна копия, сначала возьмите файл.
delete-done = Вас здесь больше нет: всё удалено. Это подписанная справка; сохраните её, если она нужна.
delete-last-admin = Вы здесь единственный администратор. Сначала сделайте администратором кого-нибудь ещё.
button-subscription = 🎟 Тариф
button-feedback = ✍️ Отзыв
button-export = 📦 Мои данные файлом
button-delete = 🗑 Удалить меня
button-delete-sure = Да, удалить всё

## Управление
manage-title = Управление: { $space }
manage-invite = Приглашение на одного человека:
manage-users = { $n ->
    [one] Здесь { $n } человек
    [few] Здесь { $n } человека
   *[other] Здесь { $n } человек
}
manage-role = администратор
manage-stats = Как идут дела
manage-stats-people = Людей: { $n }, из них администраторов: { $admins }
manage-stats-posts = Постов: { $posts }, в поиске: { $indexed }, каналов: { $channels }
manage-stats-week = За неделю: постов { $posts }, вопросов { $questions }
manage-stats-queue = В очереди: { $jobs }, не получилось: { $dead }
manage-stats-invites = Действующих приглашений: { $n }
button-admin = 🛠 Управление
button-admin-invite = ✉️ Пригласить
button-admin-users = 👥 Люди
button-admin-stats = 📈 Цифры

## Личные данные
privacy-title = Что хранится и где
privacy-where = Всё лежит на сервере того, кто поставил этого помощника. Внешней языковой модели, если её включил администратор, отправляются только вопросы и голосовые сообщения тех, кто согласился, с найденными постами, и посты каналов, все читатели которых согласны.
privacy-what = Хранятся: ваше имя в Telegram, каналы, их посты, ваши вопросы с ответами, оповещения, отзывы и сессия подключённого аккаунта (зашифрована).
privacy-how-long = Сообщения бота забываются через двое суток, не получившиеся — через 30 дней. Вопросы и ответы видны только вам.

## Внешние модели
models-agreed = Вы согласны.
models-not-agreed = Вашего согласия нет: ничего вашего не отправляется.
models-agreed-toast = Согласие записано.
models-withdrawn-toast = Согласие больше не действует.
button-models-agree = ✅ Согласиться
button-models-withdraw = ✖️ Забрать согласие

## Что бот говорит сам
notice-session-ended = Telegram завершил сеанс вашего аккаунта, и новые посты не читаются. Подключите аккаунт ещё раз. Всё прочитанное осталось на месте.
notice-session-paused = Администратор приостановил ваш аккаунт: новые посты пока не читаются. Всё прочитанное осталось на месте.
notice-channel-paused = Канал «{ $title }» больше не удаётся прочитать: он закрыт, удалён или вас в нём нет. Я буду пробовать сам. Если канал не нужен, уберите его.
notice-model-budget = Израсходовано { $percent } % лимита на языковые модели. Когда он кончится, ответы и теги будут делаться здесь же, без внешних моделей.
notice-model-budget-over = Лимит на языковые модели исчерпан ({ $percent } %): до нового периода ответы и теги делаются здесь же, без внешних моделей.
